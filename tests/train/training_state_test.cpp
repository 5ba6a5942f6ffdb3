#include "train/training_state.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::train {
namespace {

using torch::Tensor;

struct Module : torch::nn::Module {
  explicit Module(int64_t size) {
    register_parameter("weight", torch::randn({size, 3}));
    register_parameter("bias", torch::randn({size}));
    register_buffer("running_mean", torch::randn({size}));
  }
};

// An optimiser some steps into a training, whose state is saved in path_.
class TrainingState : public ::testing::Test {
 protected:
  TrainingState() {
    for (int i = 0; i < 3; ++i) {
      sgd_.gradients().normal_();
      module_.buffers()[0].normal_();
      sgd_.step(0.1);
    }
    save_state(path_, config_, position_, sgd_);
  }

  // Loading is an error with these parts, and optimiser and random generator are as before.
  void expect_refused(const std::vector<std::string>& parts, FlatSgd& sgd) {
    sgd.set_steps(77);
    std::map<std::string, Tensor> before;
    for (const auto& [name, tensor] : sgd.state()) before[name] = tensor.clone();
    const Tensor random = at::detail::getDefaultCPUGenerator().get_state();
    testing::expect_error([&] { load_state(path_, config_, sgd); }, "load_state", parts);
    for (const auto& [name, tensor] : sgd.state()) EXPECT_TRUE(torch::equal(tensor, before[name])) << name;
    EXPECT_TRUE(torch::equal(at::detail::getDefaultCPUGenerator().get_state(), random));
    EXPECT_EQ(sgd.steps(), 77);
  }
  void expect_refused(const std::vector<std::string>& parts) {
    Module fresh(5);
    FlatSgd sgd(fresh, kOptions);
    expect_refused(parts, sgd);
  }

  // Changes the saved file.
  template <typename Change>
  void edit(const Change& change) {
    SafeTensors file = SafeTensors::load(path_);
    change(file);
    file.save(path_);
  }

  static constexpr SgdOptions kOptions{.weight_decay = 0.01, .ema = 0.9};
  testing::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "resume.safetensors";
  TrainConfig config_;
  Position position_{.epoch = 3,
                     .step = 14,
                     .sums = {.loss = 1.0 / 3,
                              .correct = 90,
                              .images = 128,
                              .seconds = 0.1,
                              .adapt_loss = 1.0 / 7,
                              .evaluations = 31,
                              .backward_evaluations = 12,
                              .trials = 9,
                              .rejected = 2}};
  Module module_{5};
  FlatSgd sgd_{module_, kOptions};
};

TEST_F(TrainingState, IsRestoredBitForBit) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  sgd_.state().at("velocity")[0] = nan;  // any bits are kept
  save_state(path_, config_, position_, sgd_);
  const Tensor drawn = torch::randn({100});

  Module fresh(5);
  FlatSgd sgd(fresh, kOptions);
  EXPECT_EQ(load_state(path_, config_, sgd), position_);
  EXPECT_EQ(sgd.steps(), 3);
  ASSERT_EQ(sgd.state().size(), 5u);
  for (const auto& [name, tensor] : sgd.state())
    EXPECT_TRUE(torch::equal(tensor.view(torch::kInt32), sgd_.state().at(name).view(torch::kInt32))) << name;
  EXPECT_TRUE(torch::equal(fresh.parameters()[0], module_.parameters()[0])) << "the network's own values";
  EXPECT_TRUE(torch::equal(torch::randn({100}), drawn)) << "the random generator goes on from where it was";
}

TEST_F(TrainingState, OtherThreadsDeviceDataFolderAndSavingAreFine) {
  config_.checkpoint_minutes = 77;
  config_.threads = 7;
  config_.device = "cpu";
  config_.data_dir = "elsewhere";
  EXPECT_EQ(load_state(path_, config_, sgd_), position_);
}

TEST_F(TrainingState, OtherSettingsAreRefused) {
  config_.lr = 0.123;
  expect_refused({path_.string(), "other settings", "Start a new run"});
}

TEST_F(TrainingState, FileOfAnotherKindIsRefused) {
  edit([](SafeTensors& file) { file.metadata["format"] = "odenet-checkpoint"; });
  expect_refused({path_.string(), "expected the state of a training", "odenet-checkpoint"});
}

TEST_F(TrainingState, TruncatedFileIsRefused) {
  auto bytes = read_file(path_);
  bytes.resize(bytes.size() - 1);
  write_file(path_, bytes);
  expect_refused({path_.string()});
}

TEST_F(TrainingState, OtherSizesAreRefused) {
  Module larger(6);
  FlatSgd sgd(larger, kOptions);
  expect_refused({path_.string(), "average"}, sgd);
}

TEST_F(TrainingState, MissingPartIsRefusedAndNothingIsHalfLoaded) {
  for (const char* name : {"average", "velocity", "random", "epoch_sums"}) {
    SCOPED_TRACE(name);
    save_state(path_, config_, position_, sgd_);
    edit([&](SafeTensors& file) { file.tensors.erase(name); });
    expect_refused({path_.string(), name});
  }
}

TEST_F(TrainingState, DamagedNumberIsRefusedAndNothingIsHalfLoaded) {
  for (const char* key : {"epoch", "step", "optimiser_steps", "correct", "images"})
    for (const char* value : {"", "x", "-1", "1.5", "99999999999999999999"}) {
      SCOPED_TRACE(key);
      save_state(path_, config_, position_, sgd_);
      edit([&](SafeTensors& file) { file.metadata[key] = value; });
      expect_refused({path_.string(), key, "expected a whole number"});
    }
}

TEST_F(TrainingState, DamagedRandomGeneratorIsRefusedAndNothingIsHalfLoaded) {
  edit([](SafeTensors& file) {
    for (std::byte& b : file.tensors.at("random").data) b = std::byte{0xff};
  });
  expect_refused({path_.string(), "random generator", "damaged"});
}

}  // namespace
}  // namespace odenet::train
