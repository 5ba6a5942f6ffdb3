#include "train/dynamics_training.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/file.h"
#include "core/safetensors.h"
#include "dynamics/model.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

TrainConfig small_config(const char* controller = "fixed") {
  TrainConfig config{.model = "mlp-16",
                     .dataset = "lotka-volterra",
                     .train_limit = 4,
                     .test_limit = 2,
                     .epochs = 3,
                     .batch = 100,
                     .lr = 0.05};
  config.solver = "heun-euler";
  config.controller = controller;
  config.rtol = config.atol = 1e-3;
  config.threads = 1;
  return config;
}

class StopAfter : public Observer {
 public:
  explicit StopAfter(int64_t steps = 1 << 30) : left_(steps) {}
  bool should_stop() override { return --left_ < 0; }

 private:
  int64_t left_;
};

TEST(DynamicsTraining, LearnsAndSavesTheBestPredictor) {
  const testing::TemporaryFolder folder;
  RunFolder run(folder / "run");
  StopAfter observer;
  TrainConfig config = small_config();
  config.train_limit = 32;
  config.epochs = 6;
  const TrainResult result = train_dynamics(config, run, observer);
  ASSERT_EQ(run.results().size(), 6u);
  EXPECT_LT(run.results().back().train_loss, 0.1 * run.results().front().train_loss);
  EXPECT_LT(result.last_rollout_error, 1);
  double best = 1e9;
  for (const EpochResult& row : run.results()) best = std::min(best, row.rollout_error);
  EXPECT_EQ(result.best_rollout_error, best);
  EXPECT_EQ(read_metrics(run.path() / "metrics.csv").size(), 6u);

  const dynamics::Model model = dynamics::load_model(run.best());
  const auto test = dynamics::trajectories(dynamics::find_system(config.dataset), "test", config.test_limit);
  EXPECT_NEAR(rollout_error(dynamics::rollout_errors(model, test)), best, 1e-6 * best);
}

TEST(DynamicsTraining, StoppedAfterAnyStepItEndsWithTheSameBytes) {
  for (const char* controller : {"fixed", "slope"}) {
    const testing::TemporaryFolder folder;
    StopAfter never;
    {
      RunFolder whole(folder / "whole");
      train_dynamics(small_config(controller), whole, never);
    }
    for (const int64_t steps : {1, 2, 4}) {
      const auto path = folder / std::to_string(steps);
      {
        RunFolder run(path);
        StopAfter stop(steps);
        EXPECT_TRUE(train_dynamics(small_config(controller), run, stop).stopped);
      }
      RunFolder run = RunFolder::open(path);
      EXPECT_FALSE(train_dynamics(run.config(), run, never).stopped);
      for (const char* name : {"last.safetensors", "best.safetensors"})
        EXPECT_EQ(read_file(path / name), read_file(folder / "whole" / name)) << controller << steps << name;
    }
  }
}

TEST(DynamicsTraining, AStopInTheOnlyStepOfAnEpochComesAfterIt) {
  const testing::TemporaryFolder folder;
  RunFolder run(folder / "run");
  StopAfter at_once(0);
  TrainConfig config = small_config();
  config.batch = 256;
  config.test_every = 2;
  EXPECT_TRUE(train_dynamics(config, run, at_once).stopped);
  EXPECT_EQ(run.results().size(), 1u);
  EXPECT_FALSE(SafeTensors::load(run.last()).metadata.contains("rollout_error")) << "not tested";
}

TEST(DynamicsTraining, TheTimeBeforeAStopCounts) {
  struct Slow : StopAfter {
    Slow() : StopAfter(1) {}
    void on_step(const Progress&) override { std::this_thread::sleep_for(std::chrono::milliseconds(500)); }
  } slow;
  const testing::TemporaryFolder folder;
  {
    RunFolder run(folder / "run");
    EXPECT_TRUE(train_dynamics(small_config(), run, slow).stopped);
  }
  RunFolder run = RunFolder::open(folder / "run");
  StopAfter never;
  train_dynamics(run.config(), run, never);
  EXPECT_GE(run.results().front().seconds, 0.5);
}

TEST(DynamicsTraining, RefusesWhatIsForImages) {
  TrainConfig config = small_config();
  EXPECT_TRUE(trains_dynamics(config));
  EXPECT_FALSE(trains_dynamics(TrainConfig()));
  config.model = "resnet-20";
  EXPECT_ERROR(validate(config), "'resnet-20'", "mlp-W");
  config = small_config();
  config.mixup = 0.2;
  EXPECT_ERROR(validate(config), "mixup", "lotka-volterra", "images");
  for (const auto& [name, value] :
       {std::pair("label_smoothing", "0"), std::pair("stage_lr", "0.1"), std::pair("temperature", "2"),
        std::pair("adapt_statistics", "joint"), std::pair("activations", "8.4"), std::pair("norm", "instance")}) {
    config = small_config();
    set_field(config, name, value);
    EXPECT_ERROR(validate(config), std::string(name) + " is given", "images");
  }
  config = small_config();
  config.augment = false;
  EXPECT_NO_THROW(validate(config));
  config = small_config();
  config.device = "cuda";
  EXPECT_ERROR(validate(config), "CPU");
  config = small_config("pi");
  config.solver = "rk4";
  EXPECT_ERROR(validate(config), "'rk4'", "error estimate");
  config = small_config();
  config.gradient = "mali";
  EXPECT_ERROR(validate(config), "mali", "heun-euler");
}

TEST(DynamicsTraining, DivergenceIsAnError) {
  const testing::TemporaryFolder folder;
  RunFolder run(folder / "run");
  StopAfter observer;
  TrainConfig config = small_config();
  config.lr = 1e30;
  EXPECT_ERROR(train_dynamics(config, run, observer), "diverged", "lower lr");
  config.batch = 256;
  config.epochs = 1;
  RunFolder one_step(folder / "one-step");
  EXPECT_ERROR(train_dynamics(config, one_step, observer), "diverged: the test loss is");
  EXPECT_FALSE(std::filesystem::exists(one_step.last()));
}

TEST(DynamicsTraining, ParametersAndMultiplyAddsAreCounted) {
  TrainConfig config = small_config();
  EXPECT_EQ(dynamics_parameters(config), 2 * 16 + 16 + 16 * 16 + 16 + 16 * 2 + 2);
  EXPECT_EQ(dynamics_macs(config), 2 * (2 * 16 + 16 * 16 + 16 * 2));
}

}  // namespace
}  // namespace odenet::train
