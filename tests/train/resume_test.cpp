// A training that is cut off anywhere and continued ends with the bytes of one that was not.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "core/file.h"
#include "core/safetensors.h"
#include "support/expect_error.h"
#include "support/file_faults.h"
#include "support/temporary_folder.h"
#include "support/tiny_digits.h"
#include "train/trainer.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;
using testing::die_at_calls;
using testing::FileFaults;

constexpr int64_t kSteps = 4;  // 2 epochs of 2

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    config_.model = "odenet-14";
    testing::write_tiny_digits(folder_.path());  // 48 images: the last batch is not full
    config_.dataset = "mnist";
    config_.data_dir = folder_.path();
    config_.batch = 32;
    config_.epochs = 2;
    config_.schedule = "cosine";
    config_.warmup_epochs = 1;
    config_.lr = 0.1;
    config_.ema = 0.9;
    config_.mixup = 0.2;
    config_.cutout = 8;
    config_.threads = 1;
    config_.checkpoint_minutes = 0;  // after every step
  }

  // Stops after every `interval` steps; 0: never.
  struct Stopper : Observer {
    explicit Stopper(int64_t every) : interval(every) {}
    bool should_stop() override { return interval > 0 && ++steps % interval == 0; }
    int64_t interval, steps = 0;
  };

  TrainResult begin(const std::string& name, int64_t interval = 0) {
    RunFolder run(folder_ / name);
    Stopper stopper(interval);
    return train(config_, run, stopper);
  }
  TrainResult go_on(const std::string& name, int64_t interval = 0) {
    RunFolder run = RunFolder::open(folder_ / name);
    Stopper stopper(interval);
    return train(run.config(), run, stopper);
  }

  // After a death at any moment: goes on, or begins if there is nothing yet to go on with.
  void finish(const std::string& name) {
    if (fs::exists(folder_ / name / "config.toml")) {
      go_on(name);
    } else {
      fs::remove_all(folder_ / name);
      begin(name);
    }
  }

  void expect_same_run(const std::string& a, const std::string& b) const {
    for (const char* file : {"config.toml", "last.safetensors", "best.safetensors", "target.safetensors"})
      if (fs::exists(folder_ / a / file) || fs::exists(folder_ / b / file)) {
        EXPECT_EQ(read_file(folder_ / a / file), read_file(folder_ / b / file)) << file;
      }
    auto rows = read_run(folder_ / a).results, others = read_run(folder_ / b).results;
    for (auto* results : {&rows, &others})
      for (EpochResult& row : *results) row.images_per_second = row.seconds = 0;
    EXPECT_EQ(rows, others);
    for (const auto& entry : fs::directory_iterator(folder_ / b))
      EXPECT_FALSE(entry.path().filename().string().ends_with(".tmp")) << entry.path();
  }

  testing::TemporaryFolder folder_;
  TrainConfig config_;
};

TEST_F(ResumeTest, StoppedAfterAnyNumberOfSteps) {
  begin("whole");
  for (int64_t interval = 1; interval < kSteps; ++interval) {
    SCOPED_TRACE(interval);
    const std::string name = "stopped-" + std::to_string(interval);
    TrainResult result = begin(name, interval);
    int lives = 1;
    for (; result.stopped && lives < 20; ++lives) result = go_on(name, interval);
    EXPECT_EQ(lives, interval == 1 ? 4 : 2) << "also at the end of an epoch, but not of the training";
    expect_same_run("whole", name);
  }
}

TEST_F(ResumeTest, AStopInTheOnlyStepOfAnEpochComesAfterIt) {
  config_.batch = 64;
  EXPECT_TRUE(begin("a", 1).stopped);
  EXPECT_EQ(read_run(folder_ / "a").results.size(), 1u);
  EXPECT_FALSE(go_on("a", 1).stopped) << "in the last epoch";
  EXPECT_EQ(read_run(folder_ / "a").results.size(), 2u);
}

TEST_F(ResumeTest, TheTimeBeforeAStopCounts) {
  struct Slow : Stopper {
    Slow() : Stopper(1) {}
    bool should_stop() override {
      std::this_thread::sleep_for(std::chrono::seconds(2));
      return true;
    }
  } slow;
  {
    RunFolder run(folder_ / "a");
    EXPECT_TRUE(train(config_, run, slow).stopped);
  }
  go_on("a");
  EXPECT_GE(read_run(folder_ / "a").results.front().seconds, 2);
}

TEST_F(ResumeTest, AnUntestedEpochHasNoAccuracyInItsCheckpoint) {
  config_.test_every = 2;
  EXPECT_TRUE(begin("a", 2).stopped);
  EXPECT_FALSE(SafeTensors::load(folder_ / "a/last.safetensors").metadata.contains("test_top1"));
  go_on("a");
  EXPECT_TRUE(SafeTensors::load(folder_ / "a/last.safetensors").metadata.contains("test_top1"));
}

TEST_F(ResumeTest, ThePrecisionIsAsWhenItBegan) {
  struct Recorder : Stopper {
    Recorder() : Stopper(1) {}
    void on_start(const Plan& plan) override { precision = plan.precision; }
    std::string precision;
  } recorder;
  {
    RunFolder run(folder_ / "a");
    train(config_, run, recorder);
    EXPECT_EQ(recorder.precision.find("as when it began"), std::string::npos) << recorder.precision;
  }
  RunFolder run = RunFolder::open(folder_ / "a");
  train(run.config(), run, recorder);
  EXPECT_EQ(recorder.precision, run.config().precision + ": as when it began");
}

TEST_F(ResumeTest, BFloat16GoesOnExactlyToo) {
  config_.precision = "bfloat16";
  begin("whole");
  EXPECT_TRUE(begin("cut", 1).stopped);
  go_on("cut");
  expect_same_run("whole", "cut");
}

TEST_F(ResumeTest, AdaptiveStepsGoOnExactlyToo) {
  config_.model = "rodenet-3-14";
  config_.solver = "heun-euler";
  config_.controller = "slope";
  config_.rtol = config_.atol = 0.05;
  begin("whole");
  EXPECT_GT(read_run(folder_ / "whole").results.back().trials, 1);
  EXPECT_TRUE(begin("cut", 1).stopped);
  go_on("cut");
  expect_same_run("whole", "cut");
}

TEST_F(ResumeTest, QuantizationGoesOnExactlyToo) {
  begin("float");
  config_.weights = (folder_ / "float").string();
  config_.quantize = 6;
  begin("whole");
  EXPECT_TRUE(begin("cut", 1).stopped);
  fs::remove_all(folder_ / "float");
  go_on("cut");
  expect_same_run("whole", "cut");
}

// The discriminator, the target's statistics and its place in the target's images go on, too.
class AdaptedResumeTest : public ResumeTest, public ::testing::WithParamInterface<const char*> {
 protected:
  AdaptedResumeTest() {
    testing::write_tiny_digits(folder_.path(), "usps");
    config_.target = "usps";
    config_.adapt = GetParam();
    config_.batch = 20;  // 3 a source epoch, 2 a target one
  }
};

TEST_P(AdaptedResumeTest, StoppedAfterAnyNumberOfSteps) {
  begin("whole");
  for (const int64_t interval : {1, 2, 4}) {
    SCOPED_TRACE(interval);
    const std::string name = "stopped-" + std::to_string(interval);
    TrainResult result = begin(name, interval);
    EXPECT_TRUE(result.stopped);
    for (int lives = 1; result.stopped && lives < 20; ++lives) result = go_on(name, interval);
    expect_same_run("whole", name);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, AdaptedResumeTest, ::testing::Values("none", "adabn", "dann", "mmd", "coral"));

TEST_F(ResumeTest, AFinishedRunStaysAsItIs) {
  begin("a");
  const auto last = read_file(folder_ / "a/last.safetensors");
  const TrainResult result = go_on("a");
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(read_file(folder_ / "a/last.safetensors"), last);
  EXPECT_EQ(result.last_top1, read_run(folder_ / "a").results.back().test_top1);
}

TEST_F(ResumeTest, OtherSettingsAreRefused) {
  EXPECT_TRUE(begin("a", 1).stopped);
  RunFolder run = RunFolder::open(folder_ / "a");
  TrainConfig other = run.config();
  other.lr = 0.2;
  Observer observer;
  EXPECT_ERROR(train(other, run, observer), "resume.safetensors", "other settings");
}

// As SIGKILL or a power cut before the k-th system call that changes a file, for every k.
TEST_F(ResumeTest, DeathAtAnyFileCall) {
  config_.model = "resnet-8";
  testing::write_tiny_digits(folder_.path(), "usps");
  config_.target = "usps";  // one more file
  config_.adapt = "coral";
  begin("whole");
  const int deaths = die_at_calls(
      1, [&] { begin("run"); },
      [&] {
        finish("run");
        expect_same_run("whole", "run");
        fs::remove_all(folder_ / "run");
      });
  EXPECT_GT(deaths, 40);
}

// A full disk, a failing one, a folder that became read-only: every call fails once, or for good from there on.
class FailureTest : public ResumeTest, public ::testing::WithParamInterface<std::pair<int, bool>> {};

TEST_P(FailureTest, IsAnErrorAtOnceAndLosesNothing) {
  const auto [error, forever] = GetParam();
  config_.model = "resnet-8";
  begin("whole");
  int failures = 0;
  for (int k = 1;; ++k) {
    SCOPED_TRACE(k);
    std::string message;
    bool struck = false;
    {
      FileFaults faults({.fail_at = k, .error = error, .forever = forever});
      try {
        begin("run");
      } catch (const Error& e) {
        message = e.what();
      }
      struck = faults.struck();
    }
    if (!struck) break;
    ++failures;
    EXPECT_NE(message.find("run"), std::string::npos) << "an error that names the path, found: " << message;
    for (const char* file : {"last.safetensors", "best.safetensors", "resume.safetensors"})
      if (fs::exists(folder_ / "run" / file)) {
        EXPECT_NO_THROW(SafeTensors::load(folder_ / "run" / file)) << file;
      }
    finish("run");
    expect_same_run("whole", "run");
    fs::remove_all(folder_ / "run");
    if (HasFailure()) break;
  }
  EXPECT_GT(failures, 40);
}

INSTANTIATE_TEST_SUITE_P(Errors, FailureTest,
                         ::testing::Values(std::pair(ENOSPC, false), std::pair(EIO, true), std::pair(EROFS, true)));

}  // namespace
}  // namespace odenet::train
