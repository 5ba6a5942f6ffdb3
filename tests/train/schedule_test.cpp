#include "train/schedule.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::train {
namespace {

double rate(const char* name, int64_t step, double warmup_epochs = 0) {
  static const std::vector<double> milestones{50, 75};
  return find_schedule(name).rate({.peak = 0.4,
                                   .step = step,
                                   .steps = 1000,
                                   .steps_per_epoch = 10,
                                   .warmup_epochs = warmup_epochs,
                                   .milestones = milestones,
                                   .gamma = 0.1});
}

TEST(Schedule, StepMultipliesAtMilestones) {
  EXPECT_DOUBLE_EQ(rate("step", 0), 0.4);
  EXPECT_DOUBLE_EQ(rate("step", 499), 0.4);
  EXPECT_DOUBLE_EQ(rate("step", 500), 0.04);
  EXPECT_NEAR(rate("step", 750), 0.004, 1e-15);
}

TEST(Schedule, CosineFallsToZero) {
  EXPECT_DOUBLE_EQ(rate("cosine", 0), 0.4);
  EXPECT_NEAR(rate("cosine", 500), 0.2, 1e-12);
  EXPECT_NEAR(rate("cosine", 1000), 0.0, 1e-12);
}

TEST(Schedule, WarmupRisesLinearlyThenTheScheduleBegins) {
  for (const char* name : {"cosine", "step"}) {
    EXPECT_FALSE(find_schedule(name).own_warmup);
    EXPECT_DOUBLE_EQ(rate(name, 0, 20), 0.4 / 200);
    EXPECT_DOUBLE_EQ(rate(name, 99, 20), 0.2);
    EXPECT_DOUBLE_EQ(rate(name, 199, 20), 0.4);
    EXPECT_DOUBLE_EQ(rate(name, 200, 20), 0.4);
    EXPECT_DOUBLE_EQ(rate(name, 0, 0.05), 0.4) << "less than one step";
  }
  EXPECT_NEAR(rate("cosine", 600, 20), 0.2, 1e-12);
  EXPECT_NEAR(rate("cosine", 1000, 20), 0, 1e-12);
  EXPECT_DOUBLE_EQ(rate("step", 500, 20), 0.04) << "milestones count from the start";
}

TEST(Schedule, OneCycleRisesForThirtyPercent) {
  EXPECT_NEAR(rate("one-cycle", 0), 0.4 / 25, 1e-12);
  EXPECT_NEAR(rate("one-cycle", 150), (0.4 / 25 + 0.4) / 2, 1e-12);
  EXPECT_NEAR(rate("one-cycle", 300), 0.4, 1e-12);
  EXPECT_NEAR(rate("one-cycle", 650), (0.4 + 0.4 / 250000) / 2, 1e-9);
  EXPECT_NEAR(rate("one-cycle", 1000), 0.4 / 250000, 1e-12);
}

TEST(Schedule, UnknownNameListsTheOthers) { EXPECT_ERROR(find_schedule("warm"), "warm", "one-cycle, cosine, step"); }

}  // namespace
}  // namespace odenet::train
