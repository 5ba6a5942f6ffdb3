// Starts programs that are one of several workers on this machine.
//
//   WorkerProcess first(WORKERS_PROCESS, {"sum"}, {.rank = 0, .size = 2, .port = free_port()}, folder_ / "0.txt");
//   EXPECT_EQ(first.result(), "ok\n");
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "support/port.h"

namespace odenet::testing {

struct WorkerPlace {
  int rank, size, port;
  int timeout = 60;  // seconds
};

// A program in a process of its own, killed with the object.
class WorkerProcess {
 public:
  // output: the file that its standard output goes to.
  WorkerProcess(const std::string& program, const std::vector<std::string>& arguments, const WorkerPlace& place,
                std::filesystem::path output)
      : output_(std::move(output)) {
    const std::vector<std::string> own{"RANK=" + std::to_string(place.rank), "WORLD_SIZE=" + std::to_string(place.size),
                                       "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + std::to_string(place.port),
                                       "ODENET_TIMEOUT=" + std::to_string(place.timeout)};
    std::vector<char*> variables, words{const_cast<char*>(program.c_str())};
    for (const auto& variable : own) variables.push_back(const_cast<char*>(variable.c_str()));
    for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
    variables.push_back(nullptr);
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int code = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, words.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) throw std::runtime_error("cannot start " + program);
  }
  ~WorkerProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // What it printed; it ended by itself.
  std::string result() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    return read_text_file(output_);
  }

 private:
  std::filesystem::path output_;
  pid_t pid_ = 0;
};

}  // namespace odenet::testing
