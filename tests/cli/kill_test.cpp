// A training program that is killed at random moments, with SIGKILL, and told to go on each time. It adapts to a
// target, so that it has every part that a training can have.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "cli/program.h"
#include "core/file.h"
#include "data/random.h"
#include "support/tiny_digits.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;

constexpr int kKills = 20;

// Starts the program and kills it after that time; false if it had ended by itself by then.
bool start_and_kill(const std::vector<std::string>& arguments, std::chrono::milliseconds time, int& status) {
  std::vector<char*> words;
  for (const std::string& a : arguments) words.push_back(const_cast<char*>(a.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(ODENET_PROGRAM, words.data());
    ::_exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    if (::waitpid(child, &status, WNOHANG) == child) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

TEST(Kill, ATrainingThatIsKilledAgainAndAgainEndsWithTheSameBytes) {
  const testing::TemporaryFolder folder;
  testing::write_tiny_digits(folder.path());
  testing::write_tiny_digits(folder.path(), "usps");
  const auto begin = [&](const fs::path& run) {
    return std::vector<std::string>{ODENET_PROGRAM,
                                    "train",
                                    "--model",
                                    "odenet-14",
                                    "--dataset",
                                    "mnist",
                                    "--data-dir",
                                    folder.path().string(),
                                    "--batch",
                                    "16",
                                    "--epochs",
                                    "30",
                                    "--lr",
                                    "0.05",
                                    "--checkpoint-minutes",
                                    "0",
                                    "--threads",
                                    "1",
                                    "--target",
                                    "usps",
                                    "--adapt",
                                    "dann",
                                    "--out",
                                    run.string()};
  };
  int status = 0;
  ASSERT_FALSE(start_and_kill(begin(folder / "whole"), std::chrono::minutes(5), status));
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  data::Random random({20});
  int kills = 0;
  for (int round = 0; kills < kKills; ++round) {
    ASSERT_LT(round, 20);
    const fs::path run = folder / ("run-" + std::to_string(round));
    while (true) {
      const bool begun = fs::exists(run / "config.toml");
      if (!begun) fs::remove_all(run);
      const auto command =
          begun ? std::vector<std::string>{ODENET_PROGRAM, "train", "--resume", run.string()} : begin(run);
      const auto time = kills < kKills ? std::chrono::milliseconds(random.between(20, 1200)) : std::chrono::minutes(5);
      if (!start_and_kill(command, time, status)) break;
      ++kills;
    }
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "going on failed after " << kills << " kills";
    for (const char* file : {"last.safetensors", "best.safetensors", "target.safetensors"})
      EXPECT_EQ(read_file(run / file), read_file(folder / "whole" / file)) << file << " after " << kills << " kills";
  }
}

}  // namespace
}  // namespace odenet
