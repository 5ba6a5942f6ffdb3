#include "train/staged_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/file.h"
#include "nn/checkpoint.h"
#include "nn/state.h"
#include "spec/skip_removal.h"
#include "support/expect_error.h"
#include "support/file_faults.h"
#include "support/temporary_folder.h"
#include "support/tiny_digits.h"
#include "train/run_comparison.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::die_at_calls;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kAllSteps = 8;  // 4 epochs of 2

// From short-resnet-8 over a network without its first two skips to nonresnet-8.
class StagedTrainingTest : public ::testing::Test {
 protected:
  StagedTrainingTest() {
    testing::write_tiny_digits(folder_.path());
    config_.model = "nonresnet-8";
    config_.start = "short-resnet-8";
    config_.skips_a_stage = 2;
    config_.stage_epochs = {1, 1, 2};
    config_.dataset = "mnist";
    config_.data_dir = folder_.path();
    config_.batch = 32;
    config_.epochs = 4;
    config_.schedule = "cosine";
    config_.lr = 0.05;
    config_.ema = 0.9;
    config_.distillation = "tailor";
    config_.threads = 1;
    config_.checkpoint_minutes = 0;  // after every step
  }

  // Stops after every `interval` steps; 0: never. Keeps what it is told.
  struct Recorder : Observer {
    explicit Recorder(int64_t interval_steps) : interval(interval_steps) {}
    void on_stage(const StageStart& s) override { stages.push_back(s); }
    void on_step(const Progress& p) override { progress.push_back(p); }
    void on_epoch(const EpochResult& r) override { epochs.push_back(r); }
    bool should_stop() override { return interval > 0 && ++steps % interval == 0; }
    int64_t interval, steps = 0;
    std::vector<StageStart> stages;
    std::vector<Progress> progress;
    std::vector<EpochResult> epochs;
  };

  StagedResult begin(const std::string& name, int64_t interval = 0) {
    RunFolder run(folder_ / name);
    recorder_ = Recorder(interval);
    return train_in_stages(config_, &run, run.path(), recorder_, {});
  }
  StagedResult go_on(const std::string& name, int64_t interval = 0) {
    RunFolder run = RunFolder::open(folder_ / name);
    recorder_ = Recorder(interval);
    return train_in_stages(run.config(), &run, run.path(), recorder_, {});
  }

  // After a death at any moment.
  void finish(const std::string& name) {
    if (fs::exists(folder_ / name / "config.toml")) {
      go_on(name);
    } else {
      fs::remove_all(folder_ / name);
      begin(name);
    }
  }

  // A trained network of other skips, called "teacher".
  fs::path make_teacher(const std::string& model = "resnet-8", const std::string& name = "teacher") {
    TrainConfig config = config_;
    config.model = model;
    config.start = "model";
    config.stage_epochs.clear();
    config.distillation = "none";
    config.teacher = config.weights = "";
    config.epochs = 1;
    Observer observer;
    RunFolder run(folder_ / name);
    train(config, run, observer);
    return folder_ / name;
  }

  void start_with_teacher(const fs::path& teacher) {
    config_.teacher = teacher.string();
    config_.start = "auto";
    config_.stage_epochs.clear();
  }

  // The files of the run and of its stages that a user takes; metrics without times.
  void expect_same_run(const std::string& a, const std::string& b) const {
    std::vector<fs::path> runs{"."};
    for (const auto& entry : fs::directory_iterator(folder_ / a / "stages"))
      runs.push_back(fs::path("stages") / entry.path().filename());
    for (const fs::path& run : runs) {
      SCOPED_TRACE(run);
      for (const char* file : {"last.safetensors", "best.safetensors"})
        EXPECT_EQ(read_file(folder_ / a / run / file), read_file(folder_ / b / run / file)) << file;
      auto rows = read_run(folder_ / a / run).results, others = read_run(folder_ / b / run).results;
      for (auto* results : {&rows, &others})
        for (EpochResult& row : *results) row.images_per_second = row.seconds = 0;
      EXPECT_EQ(rows, others);
    }
    EXPECT_EQ(read_file(folder_ / a / "config.toml"), read_file(folder_ / b / "config.toml"));
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / b))
      EXPECT_FALSE(entry.path().filename().string().ends_with(".tmp")) << entry.path();
  }

  nn::Network network_of(const fs::path& run) const {
    return nn::load_checkpoint(folder_ / run / "last.safetensors").network;
  }

  testing::TemporaryFolder folder_;
  TrainConfig config_;
  Recorder recorder_{0};
};

TEST_F(StagedTrainingTest, WritesARunWithARunForEachStage) {
  const StagedResult result = begin("a");
  ASSERT_EQ(result.stages.size(), 3u);
  const std::vector<std::string> folders{"stages/1-short-resnet-8", "stages/2-short-resnet-8-1-skips",
                                         "stages/3-nonresnet-8"};
  const std::vector<std::string> skips{"sss", "nns", "nnn"};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.stages[i].folder, folders[i]);
    EXPECT_EQ(result.stages[i].skips_left, 3 - std::min(3, 2 * static_cast<int>(i)));
    EXPECT_EQ(result.stages[i].completed, i == 2 ? 2 : 1);
    EXPECT_EQ(skip_letters(network_of(fs::path("a") / folders[i])->spec()), skips[i]);
    EXPECT_EQ(recorder_.stages[i].skips, skips[i]);
    EXPECT_EQ(read_run(folder_ / "a" / folders[i]).results.back().test_top1, result.stages[i].last_top1);
  }
  for (const char* file : {"last.safetensors", "best.safetensors"})
    EXPECT_EQ(read_file(folder_ / "a" / file), read_file(folder_ / "a" / folders[2] / file));
  EXPECT_EQ(network_of("a")->spec().model, "nonresnet-8");
  EXPECT_EQ(result.last_top1, result.stages[2].last_top1);
  EXPECT_EQ(read_run(folder_ / "a").results.size(), 4u);
  EXPECT_EQ(recorder_.epochs.back().epoch, 4);
  EXPECT_EQ(recorder_.progress.back().epochs, 4);
  const std::string table = read_text_file(folder_ / "a/stages.csv");
  EXPECT_THAT(table, HasSubstr("\n2,short-resnet-8,nns,1,"));
  EXPECT_THAT(stages_text(result.stages), HasSubstr("1 of 3"));
}

TEST_F(StagedTrainingTest, TheBestOfARunIsOfItsModel) {
  begin("a");
  EXPECT_GE(summarize(folder_ / "a").best->epoch, 3) << "epochs 1 and 2 train other networks";
}

TEST_F(StagedTrainingTest, EachStageBeginsWithTheWeightsOfTheOneBefore) {
  config_.ema = config_.weight_decay = 0;
  config_.stage_lr = {0.05, 1e-12, 1e-12};
  begin("a");
  const auto first = network_of("a/stages/1-short-resnet-8")->named_parameters();
  for (const auto& item : network_of("a")->named_parameters())
    EXPECT_TRUE(torch::allclose(item.value(), first[item.key()], 0, 1e-9)) << item.key();
}

TEST_F(StagedTrainingTest, TheConfigOfAStageRepeatsIt) {
  begin("a");
  TrainConfig config;
  load_config(config, folder_ / "a/stages/2-short-resnet-8-1-skips/config.toml");
  RunFolder run(folder_ / "again");
  Observer observer;
  train(config, run, observer);
  EXPECT_EQ(read_file(folder_ / "again/last.safetensors"),
            read_file(folder_ / "a/stages/2-short-resnet-8-1-skips/last.safetensors"));
}

TEST_F(StagedTrainingTest, TheFirstStageIsAPlainTrainingOfItsNetwork) {
  begin("a");
  TrainConfig config = config_;
  config.model = "short-resnet-8";
  config.start = "model";
  config.stage_epochs.clear();
  config.distillation = "none";
  config.epochs = 1;
  RunFolder run(folder_ / "plain");
  Observer observer;
  train(config, run, observer);
  EXPECT_EQ(read_file(folder_ / "plain/last.safetensors"),
            read_file(folder_ / "a/stages/1-short-resnet-8/last.safetensors"));
}

TEST_F(StagedTrainingTest, StoppedAfterAnyNumberOfStepsItEndsWithTheSameBytes) {
  begin("whole");
  for (int64_t interval = 1; interval < kAllSteps; ++interval) {
    SCOPED_TRACE(interval);
    const std::string name = "stopped-" + std::to_string(interval);
    StagedResult result = begin(name, interval);
    for (int lives = 1; result.stopped && lives < 20; ++lives) result = go_on(name, interval);
    EXPECT_FALSE(result.stopped);
    expect_same_run("whole", name);
    fs::remove_all(folder_ / name);
  }
}

TEST_F(StagedTrainingTest, AStopInTheOnlyStepOfAnEpochComesAfterIt) {
  config_.batch = 64;
  ASSERT_TRUE(begin("a", 1).stopped);
  for (size_t epochs = 1; epochs < 4; ++epochs) {
    EXPECT_EQ(read_run(folder_ / "a").results.size(), epochs);
    EXPECT_EQ(go_on("a", 1).stopped, epochs < 3);
  }
}

// As SIGKILL or a power cut before the k-th system call that changes a file, for many k.
TEST_F(StagedTrainingTest, DeathAtAnyFileCall) {
  start_with_teacher(make_teacher("short-resnet-8"));
  config_.epochs = 2;
  begin("whole");
  const int deaths = die_at_calls(
      7, [&] { begin("run"); },
      [&] {
        finish("run");
        expect_same_run("whole", "run");
        fs::remove_all(folder_ / "run");
      });
  EXPECT_GT(deaths, 15);
}

TEST_F(StagedTrainingTest, ATeacherHandsItsWeightsOnAndMayThenGo) {
  start_with_teacher(make_teacher("short-resnet-8"));
  begin("whole");
  EXPECT_EQ(recorder_.stages.front().skips, "nns");
  EXPECT_EQ(read_run(folder_ / "whole").config.start, "teacher");
  EXPECT_EQ(read_run(folder_ / "whole").config.teacher, config_.teacher);
  ASSERT_TRUE(begin("cut", 1).stopped);
  fs::remove_all(folder_ / "teacher");
  go_on("cut");
  expect_same_run("whole", "cut");
}

TEST_F(StagedTrainingTest, AnyTeacherDistils) {
  config_.teacher = make_teacher("odenet-14").string();
  begin("a");
  config_.distillation = "kd";
  begin("b");
  EXPECT_NE(read_file(folder_ / "a/last.safetensors"), read_file(folder_ / "b/last.safetensors"));
  config_.start = "auto";
  config_.stage_epochs.clear();
  begin("c");
  EXPECT_FALSE(fs::exists(folder_ / "c/stages")) << "it has other blocks: it only teaches";
  EXPECT_EQ(read_file(folder_ / "c/teacher.safetensors"), read_file(find_checkpoint(config_.teacher)));
}

TEST_F(StagedTrainingTest, PlainDistillationGoesOnExactlyWithoutItsTeacher) {
  start_with_teacher(make_teacher("odenet-14"));
  config_.epochs = 2;
  config_.distillation = "kd";
  begin("whole");
  ASSERT_TRUE(begin("cut", 1).stopped);
  fs::remove_all(folder_ / "teacher");
  go_on("cut");
  for (const char* file : {"last.safetensors", "best.safetensors", "config.toml"})
    EXPECT_EQ(read_file(folder_ / "whole" / file), read_file(folder_ / "cut" / file)) << file;
}

TEST_F(StagedTrainingTest, WeightsStartAPlainTraining) {
  config_.weights = make_teacher("resnet-8").string();
  config_.start = "model";
  config_.distillation = "none";
  config_.stage_epochs.clear();
  config_.epochs = 0;
  begin("a");
  const auto given = nn::load_checkpoint(find_checkpoint(config_.weights)).network->named_parameters();
  for (const auto& item : network_of("a")->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), given[item.key()])) << item.key();
  config_.weights = make_teacher("resnet-14", "deeper").string();
  EXPECT_ERROR(begin("b"), "resnet-14", "nonresnet-8", "layer1.1");
}

TEST_F(StagedTrainingTest, ErrorsComeBeforeAnythingIsWritten) {
  start_with_teacher(folder_ / "missing");
  EXPECT_ERROR(begin("a"), "missing", "does not exist");
  start_with_teacher(make_teacher("resnet-14"));
  config_.distillation = "none";
  EXPECT_ERROR(begin("a"), "of no use", "resnet-14");
  config_.start = "teacher";
  EXPECT_ERROR(begin("a"), "nonresnet-8 is not resnet-14 with fewer or shorter skips");
  config_.dataset = "sample";
  EXPECT_ERROR(begin("a"), "data set is mnist", "expected sample");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(StagedTrainingTest, AStoppedRunShowsHowFarItsStagesAre) {
  ASSERT_TRUE(begin("cut", 3).stopped);
  EXPECT_ERROR(find_checkpoint(folder_ / "cut"), "no epoch", "--resume");
  EXPECT_EQ(read_run(folder_ / "cut").results.size(), 1u);
  EXPECT_THAT(read_text_file(folder_ / "cut/stages.csv"), HasSubstr("\n2,short-resnet-8,nns,1,75290,1,0,,,"));
}

TEST_F(StagedTrainingTest, WhatIsNotTestedHasNoAccuracy) {
  config_.test_every = 2;
  const StagedResult result = begin("cut", 6);  // the last stage has one epoch
  ASSERT_TRUE(result.stopped);
  EXPECT_FALSE(result.stages.back().tested);
  EXPECT_THAT(read_text_file(folder_ / "cut/stages.csv"), HasSubstr("\n3,nonresnet-8,nnn,0,75290,2,1,,,"));
  const std::string text = stages_text(result.stages), last = text.substr(text.find("nonresnet-8 "));
  EXPECT_THAT(last, AllOf(HasSubstr("1 of 2           -           -"), Not(HasSubstr("%"))));
  EXPECT_FALSE(summarize(folder_ / "cut").last) << "what was tested are other networks";
}

TEST_F(StagedTrainingTest, TheTargetIsThatOfTheLastStage) {
  testing::write_tiny_digits(folder_.path(), "usps");
  config_.target = "usps";
  begin("a");
  EXPECT_EQ(read_file(folder_ / "a/target.safetensors"),
            read_file(folder_ / "a/stages/3-nonresnet-8/target.safetensors"));
}

TEST_F(StagedTrainingTest, TheNextStageOfARunThatGoesOnHasItsPrecision) {
  struct Starts : Observer {
    void on_start(const Plan& plan) override { precisions.push_back(plan.precision); }
    std::vector<std::string> precisions;
  } starts;
  ASSERT_TRUE(begin("a", 1).stopped);
  RunFolder run = RunFolder::open(folder_ / "a");
  train_in_stages(run.config(), &run, run.path(), starts, {});
  ASSERT_EQ(starts.precisions.size(), 3u);
  for (const std::string& text : starts.precisions) EXPECT_EQ(text, run.config().precision + ": as when it began");
}

TEST_F(StagedTrainingTest, TrainAloneRefusesStages) {
  RunFolder run(folder_ / "a");
  Observer observer;
  EXPECT_ERROR(train(config_, run, observer), "start is 'short-resnet-8'", "stages");
}

}  // namespace
}  // namespace odenet::train
