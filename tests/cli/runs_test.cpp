// Runs as a user handles them: composed configs, dry runs, going on, comparing.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "core/folder_lock.h"
#include "support/port.h"

namespace odenet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Runs : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    succeed("train --model resnet-8 --train-limit 64 --test-limit 32 --batch 32 --epochs 2 --out " + path("a"));
    initial_ = succeed("train --model resnet-14 --epochs 0 --lr 0.05 --out " + path("b"));
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }

  static testing::TemporaryFolder* folder_;
  static std::string initial_;  // what training no epochs said
};
testing::TemporaryFolder* Runs::folder_ = nullptr;
std::string Runs::initial_;

TEST_F(Runs, NoEpochsGiveNoResults) {
  EXPECT_THAT(initial_,
              AllOf(HasSubstr("the initial network, not tested: " + path("b")), Not(HasSubstr("best top-1"))));
  fs::copy(path("b"), path("begun"));
  fs::remove(path("begun/last.safetensors"));
  EXPECT_THAT(fail("eval " + path("begun")), HasSubstr("go on with: odenet train --resume " + path("begun")));
}

TEST_F(Runs, TrainingDrawsItsCurves) {
  if (std::system("command -v gnuplot >/dev/null") != 0) GTEST_SKIP() << "gnuplot is not installed";
  EXPECT_THAT(read_text_file(path("a/curves.svg")), HasSubstr("resnet-8 on sample"));
  EXPECT_TRUE(fs::exists(path("a/curves.png")));
  EXPECT_FALSE(fs::exists(path("b/curves.svg"))) << "no epochs, no curves";
}

TEST_F(Runs, WithoutGnuplotTrainingSucceedsAndSaysSo) {
  const std::string path_before = ::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);  // the shell finds the program by its full name
  const std::string text =
      succeed("train --model resnet-8 --train-limit 32 --test-limit 32 --batch 32 --epochs 1 --out " + path("plain"));
  ::setenv("PATH", path_before.c_str(), 1);
  EXPECT_THAT(text, AllOf(HasSubstr("best top-1"), HasSubstr("apt-get install gnuplot-nox")));
}

TEST_F(Runs, AFailingGnuplotIsAWarning) {
  fs::create_directory(path("tools"));
  write_file(path("tools/gnuplot"), "#!/bin/sh\necho no font; exit 1\n");
  fs::permissions(path("tools/gnuplot"), fs::perms::owner_all);
  const std::string path_before = ::getenv("PATH");
  ::setenv("PATH", (path("tools") + ":" + path_before).c_str(), 1);
  const Outcome outcome = odenet_program(
      "train --model resnet-8 --train-limit 32 --test-limit 32 --batch 32 --epochs 1 --out " + path("drawn"), true);
  ::setenv("PATH", path_before.c_str(), 1);
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_THAT(outcome.text,
              AllOf(HasSubstr("best top-1"), HasSubstr("warning: no curves drawn"), HasSubstr("no font")));
}

// The other end of the terminal goes away once the first epoch is there.
TEST_F(Runs, AClosedTerminalDoesNotEndATraining) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal) | ::unlockpt(terminal), 0);
  const std::string run = path("closed");
  const std::string command = fmt::format(
      "{} train --model resnet-8 --train-limit 64 --test-limit 32 --batch 32 --epochs 20 --out {} >{}.txt 2>{}",
      ODENET_PROGRAM, run, run, ::ptsname(terminal));
  auto status = std::async(std::launch::async, [&] { return std::system(command.c_str()); });
  while (status.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready &&
         !fs::exists(run + "/metrics.csv")) {
  }
  ::close(terminal);
  EXPECT_EQ(status.get(), 0);
  EXPECT_THAT(read_text_file(run + "/log.txt"), HasSubstr("epoch 20 "));
  EXPECT_THAT(read_text_file(run + ".txt"), HasSubstr("best top-1"));
}

TEST_F(Runs, DryRunPrintsAConfigAndWritesNothing) {
  write_file(path("base.toml"), "model = \"resnet-14\"\nlr = 0.3\nbatch = 100\n");
  write_file(path("top.toml"), "extends = \"base.toml\"\nlr = 0.2\ntrain_limit = 250\n");
  const std::string text = succeed("train --config " + path("top.toml") + " --epochs 4 --dry-run");
  EXPECT_THAT(text, AllOf(HasSubstr("\nlr = 0.2\n"), HasSubstr("# 12 steps of 100 images in 4 epochs\n"),
                          HasSubstr("# resnet-14: "), Not(HasSubstr("extends"))));
  write_file(path("printed.toml"), text);
  const auto without_time = [](const std::string& plan) { return plan.substr(0, plan.rfind("\n#")); };
  EXPECT_THAT(text, AllOf(HasSubstr(" MB of memory"), HasSubstr(" ms a step, measured now")));
  EXPECT_EQ(without_time(succeed("train --dry-run --config " + path("printed.toml"))), without_time(text));
  EXPECT_THAT(fail("train --dry-run --batch 0"), HasSubstr("batch is '0'"));
  EXPECT_THAT(succeed("train --dry-run --model odenet-20 --batch 8 --train-limit 8 --solver leapfrog --gradient mali"),
              AllOf(HasSubstr("solver = 'leapfrog'"), HasSubstr(" MB with gradient backprop"),
                    HasSubstr(" MB with gradient mali"), HasSubstr("float32: gradient mali")));
}

TEST_F(Runs, GoingOnRefusesWhatWouldChangeTheRun) {
  const auto before = read_file(path("a/last.safetensors"));
  EXPECT_THAT(fail("train --resume " + path("a") + " --lr 0.5"), AllOf(HasSubstr("--lr"), HasSubstr("--threads")));
  EXPECT_THAT(fail("train --resume " + path("a") + " --epochs 5"), HasSubstr("--epochs"));
  EXPECT_THAT(fail("train --resume " + path("a") + " --out " + path("c")), HasSubstr("excludes"));
  EXPECT_THAT(fail("train --resume " + path("a") + " --config " + path("top.toml")), HasSubstr("excludes"));
  EXPECT_THAT(fail("train --resume " + path("none")), HasSubstr("no run folder"));
  EXPECT_THAT(fail("train"), AllOf(HasSubstr("--out"), HasSubstr("--resume")));
  {
    const FolderLock lock(path("a"));
    EXPECT_THAT(fail("train --resume " + path("a")), HasSubstr("in use by another process"));
  }
  EXPECT_EQ(read_file(path("a/last.safetensors")), before);
  EXPECT_FALSE(fs::exists(path("c")));
  succeed("train --resume " + path("a") + " --data-dir " + path("elsewhere") + " --checkpoint-minutes 1");
}

// The shell waits for the first epoch, then asks to stop.
TEST_F(Runs, AStopIsSavedAndGoneOnWith) {
  const std::string run = path("stopped");
  const std::string command =
      std::string(ODENET_PROGRAM) +
      " train --model resnet-8 --train-limit 64 --test-limit 32 --batch 32 --epochs 500 --out " + run + " 2>" + run +
      ".txt & p=$!; while kill -0 $p 2>/dev/null && [ ! -s " + run +
      "/metrics.csv ]; do sleep 0.1; done; kill -TERM $p; wait $p";
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGTERM);
  EXPECT_THAT(read_text_file(run + ".txt"), HasSubstr("go on with: odenet train --resume " + run));
  EXPECT_TRUE(fs::exists(run + "/resume.safetensors"));
}

TEST_F(Runs, TwoProcessesTrainOneRun) {
  const std::string run = path("two");
  const std::string worker = fmt::format(
      "WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT={} ODENET_TIMEOUT=60 {} train "
      "--model resnet-8 --train-limit 64 --test-limit 32 --batch 32 --epochs 2 "
      "--threads 1 --out {}",
      testing::free_port(), ODENET_PROGRAM, run);
  const std::string command =
      fmt::format("RANK=1 {0} >{1}.1 2>&1 & p=$!; RANK=0 {0} >{1}.0 2>&1 && wait $p", worker, run);
  EXPECT_EQ(std::system(command.c_str()), 0) << read_text_file(run + ".0") << read_text_file(run + ".1");
  EXPECT_THAT(read_text_file(run + ".0"), HasSubstr("best top-1"));
  EXPECT_THAT(read_text_file(run + ".1"), Not(HasSubstr("best top-1"))) << "one process speaks to the user";
  EXPECT_THAT(succeed("compare " + run), HasSubstr("2 of 2"));
}

TEST_F(Runs, EitherProcessStopsBoth) {
  const std::string run = path("two-stopped");
  const std::string worker = fmt::format(
      "WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT={} ODENET_TIMEOUT=60 {} train "
      "--model resnet-8 --train-limit 64 --test-limit 32 --batch 32 --epochs 2000 "
      "--threads 1 --out {}",
      testing::free_port(), ODENET_PROGRAM, run);
  const std::string command = fmt::format(
      "RANK=1 {0} >{1}.1 2>&1 & p=$!; RANK=0 {0} >{1}.0 2>&1 & q=$!; "
      "while [ ! -s {1}/metrics.csv ] && kill -0 $q; do sleep 0.1; done; kill -TERM $p; wait $q",
      worker, run);
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGTERM) << read_text_file(run + ".0");
}

TEST_F(Runs, OneProcessTrainsADynamicSystem) {
  for (const int rank : {0, 1}) {
    ::setenv("RANK", std::to_string(rank).c_str(), 1);
    ::setenv("WORLD_SIZE", "2", 1);
    ::setenv("MASTER_ADDR", "127.0.0.1", 1);
    ::setenv("MASTER_PORT", "29500", 1);
    EXPECT_THAT(fail("train --dataset lotka-volterra --model mlp-16 --out " + path("lv")),
                HasSubstr("trained by one process"));
  }
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) ::unsetenv(name);
}

TEST_F(Runs, CompareShowsThemSideBySide) {
  const std::string both = path("a") + " " + path("b");
  EXPECT_THAT(succeed("compare " + both), AllOf(HasSubstr("resnet-8"), HasSubstr("resnet-14"), HasSubstr("2 of 2"),
                                                HasSubstr("\nlr "), Not(HasSubstr("\nmomentum "))));
  const auto json = nlohmann::json::parse(succeed("compare --json " + both));
  EXPECT_EQ(json.at("runs").size(), 2u);
  EXPECT_EQ(json.at("runs")[0].at("epochs"), 2);
  EXPECT_TRUE(json.at("runs")[1].at("best_top1").is_null());
  EXPECT_THAT(fail("compare " + path("a") + " " + path("none")), HasSubstr("none"));
  fail("compare");
}

TEST_F(Runs, CompareOverSeeds) {
  fs::copy(path("a"), path("seed-2"));
  std::string config = read_text_file(path("a") + "/config.toml");
  const std::string seed = "\nseed = 1\n";
  ASSERT_NE(config.find(seed), std::string::npos);
  config.replace(config.find(seed), seed.size(), "\nseed = 2\n");
  write_file(path("seed-2") + "/config.toml", config);
  const std::string runs = path("a") + " " + path("seed-2") + " " + path("b");
  EXPECT_THAT(succeed("compare --over-seeds " + runs),
              AllOf(HasSubstr(" ± 0.00"), HasSubstr("left out, no result of a last epoch: " + path("b"))));
  const auto groups = nlohmann::json::parse(succeed("compare --over-seeds --json " + runs)).at("groups");
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].at("seeds"), nlohmann::json({1, 2}));
  EXPECT_THAT(fail("compare --over-seeds " + path("a") + " " + path("a") + "/"), HasSubstr("the same seed"));
}

TEST_F(Runs, ComparePlotsAllInOnePicture) {
  EXPECT_THAT(fail("compare " + path("a") + " --plot " + path("c.pdf")), HasSubstr(".svg or .png"));
  if (std::system("command -v gnuplot >/dev/null") != 0) GTEST_SKIP() << "gnuplot is not installed";
  fs::copy(path("a"), path("a2"));
  succeed("compare " + path("a") + " " + path("b") + " " + path("a2") + " --plot " + path("c.svg"));
  const std::string svg = read_text_file(path("c.svg"));
  for (const char* run : {"a", "a2"}) EXPECT_NE(svg.find(path(run) + " test"), std::string::npos) << run;
  EXPECT_EQ(svg.find(path("b") + " test"), std::string::npos) << "it has no epochs";
}

}  // namespace
}  // namespace odenet
