#include "train/metrics_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

EpochResult result(int64_t epoch, double top1) {
  return {.epoch = epoch,
          .lr = 0.1 / 3,
          .train_loss = 1.0 / 7,
          .train_top1 = 100.0 / 3,
          .test_loss = 2.0 / 7,
          .test_top1 = top1,
          .test_top5 = 100.0 * 9 / 11,
          .images_per_second = 1234.5,
          .seconds = 12.375};
}

TEST(MetricsFile, GivesTheSameBitsBack) {
  const testing::TemporaryFolder folder;
  std::vector<EpochResult> results{result(1, 100.0 / 7), result(2, 100.0 / 7), result(3, 50)};
  results[0].best = results[2].best = true;  // an equal one is no better
  write_metrics(folder / "m.csv", results);
  EXPECT_EQ(read_metrics(folder / "m.csv"), results);
  EXPECT_EQ(best_result(results)->epoch, 3);
}

TEST(MetricsFile, WhatIsNotFiniteIsNeverTheBest) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<EpochResult> results{result(1, 60), result(2, 40), result(3, nan)};
  results[0].test_loss = nan;
  EXPECT_EQ(best_result(results)->epoch, 2);
  for (EpochResult& row : results) row.dynamics = true;
  results[0] = {.epoch = 1, .dynamics = true, .rollout_error = nan};
  results[1].rollout_error = 0.5;
  results[2].rollout_error = 1;
  EXPECT_EQ(best_result(results)->epoch, 2);
}

TEST(MetricsFile, UntestedEpochsHaveEmptyCells) {
  const testing::TemporaryFolder folder;
  std::vector<EpochResult> results{result(1, 0), result(2, 40), result(3, 0)};
  for (const size_t i : {0, 2}) {
    results[i].tested = false;
    results[i].test_loss = results[i].test_top1 = results[i].test_top5 = 0;
  }
  results[1].best = true;
  write_metrics(folder / "m.csv", results);
  EXPECT_NE(read_text_file(folder / "m.csv").find(",,,,1234.5,12.375\n"), std::string::npos);
  EXPECT_EQ(read_metrics(folder / "m.csv"), results);
  EXPECT_EQ(best_result(results)->epoch, 2);
  EXPECT_EQ(best_result(std::span(results).first(1)), nullptr);
}

TEST(MetricsFile, RunsWithATargetHaveMoreColumns) {
  const testing::TemporaryFolder folder;
  std::vector<EpochResult> results{result(1, 10), result(2, 0)};
  write_metrics(folder / "m.csv", results);
  const std::string without = read_text_file(folder / "m.csv");
  EXPECT_TRUE(
      without.starts_with("epoch,learning_rate,train_loss,train_top1,test_loss,test_top1,test_top5,"
                          "images_per_second,seconds\n"));
  for (EpochResult& row : results) {
    row.has_target = true;
    row.adapt_loss = 1.0 / 9;
  }
  results[0].target_loss = 1.0 / 3;
  results[0].target_top1 = 100.0 / 13;
  results[0].best = true;
  results[1].tested = false;
  results[1].test_loss = results[1].test_top1 = results[1].test_top5 = 0;
  write_metrics(folder / "m.csv", results);
  const std::string with = read_text_file(folder / "m.csv");
  EXPECT_TRUE(with.starts_with(without.substr(0, without.find('\n')) + ",adapt_loss,target_loss,target_top1\n"));
  EXPECT_TRUE(with.ends_with(",0.1111111111111111,,\n")) << with;
  EXPECT_EQ(read_metrics(folder / "m.csv"), results);
}

TEST(MetricsFile, AdaptiveRunsCountTheirIntegration) {
  const testing::TemporaryFolder folder;
  std::vector<EpochResult> results{result(1, 10)};
  results[0].best = true;
  results[0].adaptive = true;
  results[0].evaluations = 18.25;
  results[0].backward_evaluations = 12.5;
  results[0].trials = 22.0 / 3;
  results[0].rejected = 1.5;
  for (const bool target : {false, true}) {
    results[0].has_target = target;
    write_metrics(folder / "m.csv", results);
    EXPECT_NE(read_text_file(folder / "m.csv").find(",evaluations,backward_evaluations,trials,rejected\n"),
              std::string::npos);
    EXPECT_EQ(read_metrics(folder / "m.csv"), results);
  }
}

TEST(MetricsFile, ErrorsNameFileLineAndExpectation) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "m.csv";
  write_metrics(file, std::vector{result(1, 10)});
  const std::string good = read_text_file(file);
  const auto with = [&](const std::string& text) {
    write_file(file, text);
    return read_metrics(file);
  };
  EXPECT_EQ(with(good).size(), 1u);
  EXPECT_ERROR(with("step,loss\n1,2\n"), "m.csv:1", "expected 'epoch,learning_rate");
  EXPECT_ERROR(with(""), "m.csv:1");
  EXPECT_ERROR(with(good + "2,1,2\n"), "m.csv:3", "expected 9 values");
  EXPECT_ERROR(with(good + "3,1,2,3,4,5,6,7,8\n"), "m.csv:3", "epoch is 3, expected 2");
  EXPECT_ERROR(with(good + "2,1,many,3,4,5,6,7,8\n"), "m.csv:3", "train_loss is 'many'");
  EXPECT_ERROR(with(good + "2,,2,3,4,5,6,7,8\n"), "learning_rate is ''");
}

}  // namespace
}  // namespace odenet::train
