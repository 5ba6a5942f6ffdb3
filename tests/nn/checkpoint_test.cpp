#include "nn/checkpoint.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "core/file.h"
#include "nn/float_backend.h"
#include "spec/zoo.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::nn {
namespace {

using odenet::testing::TemporaryFolder;

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    torch::manual_seed(2);
    net_ = Network(make_spec("biased-odenet-14", 3));
    for (auto& buffer : net_->named_buffers()) buffer.value().uniform_(0.5, 1.5);
    info_ = {.dataset = "sample",
             .class_names = {"a", "b", "c"},
             .normalization = {{0.1f, 0.2f, 0.3f}, {0.4f, 0.5f, 0.6f}},
             .notes = {{"epoch", "4"}}};
    save_checkpoint(path_, net_, info_);
  }

  // Loads the file with one change, expecting an error.
  void expect_error(const std::function<void(SafeTensors&)>& change, const char* message) {
    SafeTensors file = SafeTensors::load(path_);
    change(file);
    file.save(path_);
    EXPECT_ERROR(load_checkpoint(path_), path_.string(), message);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "net.safetensors";
  Network net_{nullptr};
  ModelInfo info_;
};

TEST_F(CheckpointTest, RoundTripGivesTheSameLogitsAndBytes) {
  const Checkpoint loaded = load_checkpoint(path_);
  EXPECT_EQ(loaded.network->spec(), net_->spec());
  EXPECT_EQ(loaded.info.class_names, info_.class_names);
  EXPECT_EQ(loaded.info.normalization, info_.normalization);
  EXPECT_EQ(loaded.info.notes, info_.notes);
  std::vector<uint8_t> images(2 * 3 * 32 * 32);
  for (size_t i = 0; i < images.size(); ++i) images[i] = static_cast<uint8_t>(i * 7919 >> 3);
  EXPECT_EQ(FloatBackend(loaded).logits(images), FloatBackend(net_, info_).logits(images));
  const auto copy = folder_.path() / "copy.safetensors";
  save_checkpoint(copy, loaded.network, loaded.info);
  EXPECT_EQ(read_file(copy), read_file(path_));
}

TEST_F(CheckpointTest, OtherKindOfFile) {
  expect_error([](auto& f) { f.metadata["format"] = "odenet-q"; }, "odenet train");
}
TEST_F(CheckpointTest, MissingTensor) {
  expect_error([](auto& f) { f.tensors.erase("layer3_2.0.conv1.time_weight"); }, "layer3_2.0.conv1.time_weight");
}
TEST_F(CheckpointTest, UnexpectedTensor) {
  expect_error([](auto& f) { f.tensors["extra"] = f.tensors["fc.bias"]; }, "unexpected tensor 'extra'");
}
TEST_F(CheckpointTest, OtherShape) {
  expect_error([](auto& f) { f.tensors["fc.bias"] = f.tensors["conv1.bn.bias"]; }, "expected F32 [3]");
}
TEST_F(CheckpointTest, CheckpointOfAnotherModel) {
  expect_error([](auto& f) { f.metadata["spec"] = dump_spec(make_spec("biased-odenet-20", 3)); }, "another model");
}
TEST_F(CheckpointTest, ValueThatIsNotFinite) {
  expect_error([](auto& f) { f.template add<float>("fc.bias", {3}, std::vector<float>{0, NAN, 0}); }, "nan");
}
TEST_F(CheckpointTest, NegativeVariance) {
  const auto change = [](auto& f) {
    f.template add<float>("layer1.0.bn2.running_var", {16}, std::vector<float>(16, -0.25f));
  };
  expect_error(change, "layer1.0.bn2.running_var' holds the value -0.25");
}
TEST_F(CheckpointTest, DamagedMetadata) {
  expect_error([](auto& f) { f.metadata["class_names"] = "["; }, "damaged metadata");
}
TEST_F(CheckpointTest, ClassNamesOfAnotherSet) {
  expect_error([](auto& f) { f.metadata["class_names"] = "[\"a\"]"; }, "1 class names for 3 classes");
}

}  // namespace
}  // namespace odenet::nn
