// Two processes that train one network together, against a single one.
#include <gmock/gmock.h>

#include <cmath>
#include <memory>

#include "core/file.h"
#include "core/safetensors.h"
#include "support/temporary_folder.h"
#include "train/trainer.h"
#include "train/worker_process.h"

namespace odenet::train {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Norm of a - b over all tensors of two checkpoints, weights and running statistics.
double distance(const fs::path& a, const fs::path& b) {
  const auto first = SafeTensors::load(a), second = SafeTensors::load(b);
  EXPECT_EQ(first.tensors.size(), second.tensors.size());
  double sum = 0;
  for (const auto& [name, tensor] : first.tensors) {
    const auto x = first.get<float>(name, tensor.shape), y = second.get<float>(name, tensor.shape);
    for (size_t i = 0; i < x.size(); ++i) sum += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
  }
  return std::sqrt(sum);
}

class ParallelTrainingTest : public ::testing::Test {
 protected:
  ParallelTrainingTest() {
    config_.model = "biased-odenet-14";
    config_.train_limit = 185;  // six batches, the last of 25 images: 12 for one process and 13 for the other
    config_.test_limit = 64;
    config_.batch = 32;
    config_.epochs = 2;
    config_.lr = 0.05;
    config_.mixup = 0.2;
    config_.cutout = 8;
    config_.ema = 0.9;
    config_.precision = "float32";
    config_.device = "cpu";
    config_.threads = 1;
  }

  fs::path single() {
    Observer observer;
    RunFolder run(folder_ / "single");
    train(config_, run, observer);
    return folder_ / "single";
  }

  // What the two processes printed. action: of training_process.
  std::array<std::string, 2> train_by_two(const std::string& run, const std::vector<std::string>& action = {}) {
    write_file(folder_ / "config.toml", to_toml(config_));
    std::vector<std::string> arguments{folder_ / "config.toml", folder_ / run};
    arguments.insert(arguments.end(), action.begin(), action.end());
    const int port = testing::free_port();
    std::array<std::unique_ptr<testing::WorkerProcess>, 2> processes;
    for (const int rank : {0, 1})
      processes[static_cast<size_t>(rank)] = std::make_unique<testing::WorkerProcess>(
          TRAINING_PROCESS, arguments, testing::WorkerPlace{.rank = rank, .size = 2, .port = port},
          folder_ / fmt::format("output{}", rank));
    const bool killed = !action.empty() && action[0] == "kill";
    std::array<std::string, 2> texts;
    for (const int rank : {0, 1})
      if (!killed || std::stoi(action[1]) != rank)
        texts[static_cast<size_t>(rank)] = processes[static_cast<size_t>(rank)]->result();
    return texts;
  }

  using Texts = std::array<std::string, 2>;
  testing::TemporaryFolder folder_;
  TrainConfig config_;
};

// Every process computes statistics, loss and gradients of the whole batch from sums over the processes, so the results
// differ by the order of float32 additions only. Twelve steps amplify these 2^-24 to some 1e-4 of the way that training
// moves the weights; shares of an uneven batch that count alike are 2.5e-3 off, statistics of half a batch 4e-2.
TEST_F(ParallelTrainingTest, GivesTheResultOfOneProcess) {
  constexpr double kTolerance = 5e-4;
  const fs::path one = single(), two = folder_ / "two";
  ASSERT_EQ(train_by_two("two"), (Texts{"ok\n", "ok\n"}));

  config_.epochs = 0;
  Observer observer;
  RunFolder start(folder_ / "start");
  train(config_, start, observer);
  const double moved = distance(start.last(), one / "last.safetensors");
  const double apart = distance(one / "last.safetensors", two / "last.safetensors");
  EXPECT_GT(moved, 1);
  EXPECT_LT(apart, kTolerance * moved);
  RecordProperty("relative_distance", fmt::format("{:.3g}", apart / moved));

  const auto rows_of_one = read_run(one).results, rows_of_two = read_run(two).results;
  ASSERT_EQ(rows_of_one.size(), 2u);
  ASSERT_EQ(rows_of_two.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rows_of_two[i].lr, rows_of_one[i].lr);
    EXPECT_NEAR(rows_of_two[i].train_loss, rows_of_one[i].train_loss, kTolerance);
    EXPECT_NEAR(rows_of_two[i].test_loss, rows_of_one[i].test_loss, kTolerance);
  }
}

TEST_F(ParallelTrainingTest, StopsTogetherAndGoesOnExactly) {
  config_.model = "resnet-8";
  ASSERT_EQ(train_by_two("whole"), (Texts{"ok\n", "ok\n"}));
  EXPECT_EQ(train_by_two("parts", {"stop", "1", "3"}), (Texts{"stopped\n", "stopped\n"}));
  EXPECT_TRUE(fs::exists(folder_ / "parts/resume.safetensors"));
  EXPECT_FALSE(fs::exists(folder_ / "parts/metrics.csv")) << "in the first epoch";
  EXPECT_EQ(train_by_two("parts", {"stop", "0", "5"}), (Texts{"stopped\n", "stopped\n"}));
  EXPECT_EQ(read_run(folder_ / "parts").results.size(), 1u) << "in the second epoch";
  ASSERT_EQ(train_by_two("parts"), (Texts{"ok\n", "ok\n"}));
  EXPECT_EQ(read_file(folder_ / "parts/last.safetensors"), read_file(folder_ / "whole/last.safetensors"));
}

TEST_F(ParallelTrainingTest, AKilledProcessIsAnErrorInTheOtherAndTheRunGoesOn) {
  config_.model = "resnet-8";
  ASSERT_EQ(train_by_two("whole"), (Texts{"ok\n", "ok\n"}));
  for (const int killed : {0, 1}) {
    const std::string run = fmt::format("killed{}", killed);
    const auto texts = train_by_two(run, {"kill", std::to_string(killed), "8"});  // in the second epoch
    EXPECT_THAT(texts[static_cast<size_t>(1 - killed)],
                HasSubstr(fmt::format("rank {} of 2 lost another process", 1 - killed)));
    EXPECT_EQ(read_run(folder_ / run).results.size(), 1u);
    ASSERT_EQ(train_by_two(run), (Texts{"ok\n", "ok\n"}));
    EXPECT_EQ(read_file(folder_ / run / "last.safetensors"), read_file(folder_ / "whole/last.safetensors"));
  }
}

TEST_F(ParallelTrainingTest, ALastBatchWithFewerImagesThanProcessesIsAnError) {
  config_.train_limit = 65;
  for (const std::string& text : train_by_two("run")) EXPECT_THAT(text, HasSubstr("choose another batch than 32"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

}  // namespace
}  // namespace odenet::train
