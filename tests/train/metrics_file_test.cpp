#include "train/metrics_file.h"

#include <gtest/gtest.h>

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
