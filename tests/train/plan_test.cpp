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
  config = {};
  config.target = "sample-shifted";
  config.adapt = "mmd";
  config.train_limit = 32;
  config.batch = 64;
  EXPECT_ERROR(make_plan(config), "32 training images", "smaller batch");
  config.train_limit = 65;
  EXPECT_ERROR(make_plan(config), "one image", "another batch than 64");
}

TEST(Plan, GivesTheReasonForFloat32) {
  TrainConfig config;
  const auto why = [&] { return training_precision(config, torch::kCPU).why; };
  config.precision = "float32";
  EXPECT_EQ(why(), "float32: asked for");
  config.precision = "auto";
  config.gradient = "adjoint";
  EXPECT_EQ(why(), "float32: gradient adjoint computes states backwards");
  config.gradient = "backprop";
  config.solver = "heun-euler";
  config.controller = "pi";
  EXPECT_EQ(why(), "float32: the errors that controller pi goes by would drown in bfloat16");
  config = {};
  config.quantize = 8;
  EXPECT_EQ(why(), "float32: bfloat16 would repeat the roundings of quantize");
}

}  // namespace
}  // namespace odenet::train
