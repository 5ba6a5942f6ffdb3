// Runs the odenet program as a user does.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "support/temporary_folder.h"

namespace odenet {

struct Outcome {
  int status = -1;   // exit code
  std::string text;  // stdout; of a failed command stderr too
};

// arguments as typed in a shell.
inline Outcome odenet_program(const std::string& arguments, bool with_stderr = false) {
  const std::string command = std::string(ODENET_PROGRAM) + " " + arguments + (with_stderr ? " 2>&1" : " 2>/dev/null");
  Outcome outcome;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) outcome.text.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

// The output of a command that must succeed.
inline std::string succeed(const std::string& arguments) {
  const Outcome outcome = odenet_program(arguments);
  EXPECT_EQ(outcome.status, 0) << arguments << "\n" << odenet_program(arguments, true).text;
  return outcome.text;
}

// The output of a command that must fail with a message; a crash or an uncaught exception is no such failure.
inline std::string fail(const std::string& arguments) {
  const Outcome outcome = odenet_program(arguments, true);
  EXPECT_TRUE(outcome.status == 1 || outcome.status == 2) << arguments << ": exit status " << outcome.status;
  return outcome.text;
}

}  // namespace odenet
