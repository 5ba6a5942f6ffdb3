#include "train/quantization.h"

#include <gtest/gtest.h>

#include "eval/compare.h"
#include "eval/fixed_backend.h"
#include "fixed/quantizer.h"
#include "fixed/trained_formats.h"
#include "nn/float_backend.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/tiny_digits.h"
#include "train/plan.h"
#include "train/trainer.h"

namespace odenet::train {
namespace {

class QuantizationTest : public ::testing::Test {
 protected:
  QuantizationTest() {
    testing::write_tiny_digits(folder_.path());
    config_.model = "odenet-14";
    config_.dataset = "mnist";
    config_.data_dir = folder_.path();
    config_.batch = 16;
    config_.epochs = 4;
    config_.lr = 0.05;
    config_.threads = 1;
  }

  std::filesystem::path trained(const std::string& name) {
    RunFolder run(folder_ / name);
    Observer observer;
    train(config_, run, observer);
    return folder_ / name;
  }

  const testing::TemporaryFolder folder_;
  TrainConfig config_;
};

TEST_F(QuantizationTest, TrainsTheNetworkThatTheIntegersAre) {
  config_.weights = trained("float").string();
  config_.quantize = 10;
  config_.epochs = 1;
  config_.lr = 0.01;
  const auto folder = trained("ten-bits");
  const TrainConfig resolved = RunFolder::open(folder).config();
  EXPECT_EQ(resolved.precision, "float32");
  EXPECT_TRUE(resolved.activations.starts_with("10.5,")) << resolved.activations;
  EXPECT_NE(resolved.activations.find("conv1=10."), std::string::npos) << resolved.activations;

  const SafeTensors checkpoint = SafeTensors::load(folder / "last.safetensors");
  ASSERT_EQ(fixed::trained_bits(checkpoint), 10);
  nn::FloatBackend simulated(nn::load_checkpoint(folder / "last.safetensors"));
  eval::FixedBackend integers(
      fixed::quantize(checkpoint, {.formats = fixed::trained_formats(checkpoint), .channel_scaling = true}), 1);
  const data::Dataset images = load_split(config_, "test");
  const auto comparison = eval::compare(simulated, integers, {images.images, images.labels});
  EXPECT_LE(comparison.disagreeing, static_cast<int64_t>(images.size() / 10));
}

TEST_F(QuantizationTest, FormatsAreThoseOfTheConfigOrChosenForTheWeights) {
  EXPECT_EQ(choose_activations(config_), "");
  EXPECT_FALSE(quantization_of(config_));
  config_.weights = trained("float").string();
  config_.quantize = 8;
  const std::string chosen = choose_activations(config_);
  EXPECT_EQ(choose_activations(config_), chosen) << "the same each time";
  config_.activations = chosen;
  const auto quantization = quantization_of(config_);
  ASSERT_TRUE(quantization);
  EXPECT_EQ(quantization->bits, 8);
  EXPECT_EQ(quantization->formats.weight.width, 8);
  EXPECT_EQ(quantization->formats.activation_of("input").width, 8);
  config_.activations = "8.5";
  EXPECT_EQ(choose_activations(config_), "8.5");
}

TEST_F(QuantizationTest, WeightsOfAnotherNetworkAreRefused) {
  config_.weights = trained("float").string();
  config_.quantize = 8;
  config_.model = "resnet-14";
  EXPECT_ERROR(choose_activations(config_), "another network", "model odenet-14, expected resnet-14");
  config_.model = "odenet-14";
  config_.end_time = 2;
  EXPECT_ERROR(choose_activations(config_), "end_time 1, expected 2");
  config_.steps = 3;
  config_.norm = "instance";
  EXPECT_ERROR(choose_activations(config_), "norm batch, expected instance; end_time 1, expected 2; steps ",
               ", expected 3");
}

}  // namespace
}  // namespace odenet::train
