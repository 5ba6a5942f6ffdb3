#include "train/plan.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::train {
namespace {

TEST(Plan, CountsWhatTrainingWillDo) {
  TrainConfig config;
  config.model = "resnet-20";
  config.train_limit = 100;
  config.test_limit = 50;
  config.batch = 32;
  config.epochs = 3;
  const Plan plan = make_plan(config);
  EXPECT_EQ(plan.model, "resnet-20");
  EXPECT_EQ(plan.train_images, 100);
  EXPECT_EQ(plan.test_images, 50);
  EXPECT_EQ(plan.steps, 3 * 4) << "the last batch is not full";
  EXPECT_EQ(plan.parameters, 269722);
}

TEST(Plan, FailsAsTrainingWould) {
  TrainConfig config;
  config.dataset = "cifar10";
  config.data_dir = "/nonexistent";
  EXPECT_ERROR(make_plan(config), "/nonexistent");
  config.epochs = -1;
  EXPECT_ERROR(make_plan(config), "epochs is '-1'");
}

}  // namespace
}  // namespace odenet::train
