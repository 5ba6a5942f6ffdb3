#include "train/run_comparison.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// Two runs that differ in lr, and in how far they are.
class RunComparison : public ::testing::Test {
 protected:
  RunComparison() {
    TrainConfig config;
    config.model = "resnet-20";
    config.dataset = "cifar100";
    config.epochs = 4;
    const auto add = [&](RunFolder& run, int64_t epoch, bool tested, double top1, double speed) {
      run.add_epoch({.epoch = epoch,
                     .tested = tested,
                     .test_loss = 1.25,
                     .test_top1 = tested ? top1 : 0,
                     .test_top5 = 95,
                     .images_per_second = speed,
                     .seconds = 1800});
    };
    RunFolder a(folder_ / "a");
    a.create(config);
    add(a, 1, true, 40, 100);
    add(a, 2, true, 62.5, 300);
    add(a, 3, true, 61, 200);
    add(a, 4, false, 0, 200);
    config.lr = 0.05;
    RunFolder b(folder_ / "b");
    b.create(config);
    runs_.push_back(summarize(folder_ / "a"));
    runs_.push_back(summarize(folder_ / "b"));
  }

  testing::TemporaryFolder folder_;
  std::vector<RunSummary> runs_;
};

TEST_F(RunComparison, Summary) {
  const RunSummary& run = runs_[0];
  EXPECT_EQ(run.parameters, 275572);  // 1.102288 MB, Watanabe and Matsutani, Table 3
  EXPECT_EQ(run.best->epoch, 2);
  EXPECT_EQ(run.best->test_top1, 62.5);
  EXPECT_EQ(run.last->epoch, 3) << "the last one that is tested";
  EXPECT_EQ(run.images_per_second, 200);
  EXPECT_EQ(run.seconds, 7200);
  EXPECT_FALSE(runs_[1].best);
  EXPECT_ERROR(summarize(folder_ / "c"), (folder_ / "c").string(), "no run folder");
}

TEST_F(RunComparison, OnlyDifferingSettingsAreListed) {
  const auto differing = differing_fields(runs_);
  ASSERT_EQ(differing.size(), 1u);
  EXPECT_EQ(differing[0]->name, "lr");
  EXPECT_TRUE(differing_fields(std::span(runs_).first(1)).empty());
}

TEST_F(RunComparison, Text) {
  const std::string text = comparison_text(runs_);
  EXPECT_THAT(text, ContainsRegex("^in [^ ]+\nrun +a +b\n"));
  EXPECT_THAT(text, HasSubstr("in " + (folder_ / "a").parent_path().string() + "\n"));
  EXPECT_THAT(text, ContainsRegex("\nepochs +4 of 4 +0 of 4\n"));
  EXPECT_THAT(text, ContainsRegex("\nbest top-1 \\(%\\) +62.50 +-\n  in epoch +2 +-\n"));
  EXPECT_THAT(text, ContainsRegex("\ntime +2:00:00 +0:00\n"));
  EXPECT_THAT(text, ContainsRegex("\nlr +0.4 +0.05\n$"));
}

TEST_F(RunComparison, NamesAreThoseBelowTheFolderOfAllRuns) {
  const auto names = [&](std::vector<std::string> of_runs) {
    std::vector<RunSummary> runs(of_runs.size(), runs_[0]);
    for (size_t i = 0; i < runs.size(); ++i) runs[i].name = of_runs[i];
    const std::string text = comparison_text(runs);
    return text.substr(0, text.find("\nmodel"));
  };
  EXPECT_THAT(names({"runs/a"}), ContainsRegex("^run +runs/a$"));
  EXPECT_THAT(names({"a", "b/"}), ContainsRegex("^run +a +b/$"));
  EXPECT_THAT(names({"runs/x/a", "runs/x/b/"}), ContainsRegex("^in runs/x\nrun +a +b/?$"));
  EXPECT_THAT(names({"runs/a", "runs/a/stages/1"}), ContainsRegex("^in runs\nrun +a +a/stages/1$"));
  EXPECT_THAT(names({"/a", "/b"}), ContainsRegex("^run +/a +/b$"));
}

TEST_F(RunComparison, ATargetHasRowsOfItsOwn) {
  EXPECT_EQ(comparison_text(runs_).find("target"), std::string::npos) << "none has one";
  TrainConfig config;
  config.target = "sample-shifted";
  RunFolder run(folder_ / "c");
  run.create(config);
  run.add_epoch({.epoch = 1, .test_top1 = 90, .has_target = true, .target_top1 = 40});
  run.add_epoch({.epoch = 2, .test_top1 = 80, .has_target = true, .target_top1 = 60});
  const std::vector<RunSummary> runs{runs_[0], summarize(folder_ / "c")};
  const std::string text = comparison_text(runs);
  EXPECT_THAT(text, ContainsRegex("\ntarget +- +sample-shifted\n"));
  EXPECT_THAT(text, ContainsRegex("\ntarget top-1 \\(%\\) +- +60.00\n +of the best epoch +- +40.00\n"));
  const auto json = comparison_json(runs);
  EXPECT_TRUE(json["runs"][0]["last_target_top1"].is_null());
  EXPECT_EQ(json["runs"][1]["last_target_top1"], 60);
  EXPECT_EQ(json["runs"][1]["best_target_top1"], 40);
}

TEST_F(RunComparison, Json) {
  const auto json = comparison_json(runs_);
  EXPECT_EQ(json["differing"], nlohmann::json({"lr"}));
  EXPECT_EQ(json["runs"][0]["best_top1"], 62.5);
  EXPECT_EQ(json["runs"][0]["last_top1"], 61);
  EXPECT_EQ(json["runs"][0]["config"]["dataset"], "cifar100");
  EXPECT_EQ(json["runs"][0]["config"]["milestones"], nlohmann::json({100.0, 150.0}));
  EXPECT_TRUE(json["runs"][1]["last_top1"].is_null());
}

}  // namespace
}  // namespace odenet::train
