#include "fixed/quantizer.h"

#include <gtest/gtest.h>

#include <string>

#include "fixed/runner.h"
#include "spec/zoo.h"
#include "support/expect_error.h"
#include "support/synthetic.h"

namespace odenet::fixed {
namespace {

using odenet::testing::random_images;
using odenet::testing::Reference;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

// About 100 units of Q20: rounding errors of weights, scales and activations, summed over 20 layers; 35 are seen.
constexpr double kTolerance = 1e-4;

class EveryFamily : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryFamily, MatchesTheFloatNetwork) {
  NetworkSpec spec = make_spec(GetParam(), 10);
  spec.height = spec.width = 16;
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 7);
  const auto images = random_images(spec, 2, 8);
  const auto logits = Runner(quantize(checkpoint)).run(images);
  const Reference reference(checkpoint, spec);
  for (size_t image = 0; image < 2; ++image) {
    const auto expected = reference.logits(std::span(images).subspan(image * images.size() / 2, images.size() / 2));
    for (size_t label = 0; label < 10; ++label)
      EXPECT_NEAR(Format{}.to_real(logits[image * 10 + label]), expected[label], kTolerance);
  }
}

std::vector<std::string> one_of_every_family() {
  std::vector<std::string> models;
  for (const Family& family : families()) models.push_back(fmt::format("{}-20", family.name));
  return models;
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryFamily, ::testing::ValuesIn(one_of_every_family()));

TEST_P(EveryFamily, MatchesTheFloatNetworkWithInstanceNorms) {
  NetworkSpec spec = with_norms(make_spec(GetParam(), 10), NormKind::kInstance);
  spec.height = spec.width = 16;
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 7);
  const auto image = random_images(spec, 1, 8);
  const auto logits = Runner(quantize(checkpoint)).run(image);
  const auto expected = Reference(checkpoint, spec).logits(image);
  for (size_t label = 0; label < 10; ++label) EXPECT_NEAR(Format{}.to_real(logits[label]), expected[label], kTolerance);
}

class EverySolver : public ::testing::TestWithParam<std::string> {};

TEST_P(EverySolver, MatchesTheFloatNetwork) {
  for (const char* model : {"rodenet-2-20", "dsodenet-20"}) {
    NetworkSpec spec = with_solver(make_spec(model, 10), GetParam(), 2);
    spec.height = spec.width = 16;
    const SafeTensors checkpoint = synthetic_checkpoint(spec, 7);
    const auto image = random_images(spec, 1, 8);
    const auto logits = Runner(quantize(checkpoint)).run(image);
    const auto expected = Reference(checkpoint, spec).logits(image);
    double largest = 1;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    for (size_t label = 0; label < 10; ++label)
      EXPECT_NEAR(Format{}.to_real(logits[label]), expected[label], largest * kTolerance) << model;
  }
}

std::vector<std::string> every_solver() {
  std::vector<std::string> names;
  for (const ode::Solver& solver : ode::solvers()) names.emplace_back(solver.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Table, EverySolver, ::testing::ValuesIn(every_solver()));

TEST(Quantize, SkipsRemovedFromSomeBlocks) {
  NetworkSpec spec = make_spec("short-resnet-b-20", 10);
  spec.height = spec.width = 16;
  spec.stages[0].skips = {Skip::kNone, Skip::kNone, Skip::kShort};
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 7);
  const auto image = random_images(spec, 1, 8);
  const auto logits = Runner(quantize(checkpoint)).run(image);
  const auto expected = Reference(checkpoint, spec).logits(image);
  for (size_t label = 0; label < 10; ++label) EXPECT_NEAR(Format{}.to_real(logits[label]), expected[label], kTolerance);
}

TEST(Quantize, FoldsNormAndStepSizeWithOneRounding) {
  const NetworkSpec spec = small_spec();
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 1);
  const Network net = quantize(checkpoint);
  const auto gamma = checkpoint.get<float>("layer2_2.0.bn2.weight", {8});
  const auto beta = checkpoint.get<float>("layer2_2.0.bn2.bias", {8});
  const auto mean = checkpoint.get<float>("layer2_2.0.bn2.running_mean", {3, 8});
  const auto var = checkpoint.get<float>("layer2_2.0.bn2.running_var", {3, 8});
  for (size_t i = 0; i < 24; ++i) {
    const double scale = gamma[i % 8] / std::sqrt(var[i] + 1e-5) / 3;
    // Within half a unit in the last place of the exact value (and a margin for the order of double operations).
    EXPECT_NEAR(net.blocks[3].norm2.scale[i], scale * (1 << 20), 0.5 + 1e-6);
    EXPECT_NEAR(net.blocks[3].norm2.shift[i], (beta[i % 8] / 3.0 - mean[i] * scale) * (1 << 20), 0.5 + 1e-6);
  }
}

TEST(Quantize, InstanceNormsKeepWeightAndBiasTimesTheStepSize) {
  const NetworkSpec spec = with_norms(small_spec(), NormKind::kInstance);
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 1);
  const Network net = quantize(checkpoint);
  const auto gamma = checkpoint.get<float>("layer2_2.0.bn2.weight", {8});
  const auto beta = checkpoint.get<float>("layer2_2.0.bn2.bias", {8});
  ASSERT_EQ(net.blocks[3].norm2.scale.size(), 24u);
  for (size_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(net.blocks[3].norm2.scale[i], gamma[i % 8] / 3.0 * (1 << 20), 0.5 + 1e-6);
    EXPECT_NEAR(net.blocks[3].norm2.shift[i], beta[i % 8] / 3.0 * (1 << 20), 0.5 + 1e-6);
  }
}

TEST(Quantize, TimeBiasSumsTheTapsInsideTheImage) {
  SafeTensors checkpoint = synthetic_checkpoint(small_spec(), 1);
  std::vector<float> taps(72, 0.0f);
  for (size_t tap = 0; tap < 9; ++tap) taps[9 + tap] = static_cast<float>(1 << tap);  // channel 1: a bit a tap
  checkpoint.add<float>("layer2_2.0.conv1.time_weight", {8, 1, 3, 3}, taps);
  const Conv conv = quantize(checkpoint).blocks[3].conv1;
  // t_0 = 0, t_1 = 1/3, t_2 = 2/3; classes in rows: top, inner, bottom.
  const std::vector<int> sums{0b110110000, 0b111111000, 0b011011000, 0b110110110, 0b111111111,
                              0b011011011, 0b000110110, 0b000111111, 0b000011011};
  for (size_t c = 0; c < 9; ++c) {
    EXPECT_EQ(conv.time_bias[9 + c], 0);
    EXPECT_EQ(conv.time_bias[72 + 9 + c], std::floor((1 << 20) * (sums[c] / 3.0) + 0.5)) << c;
    EXPECT_EQ(conv.time_bias[144 + 9 + c], std::floor((1 << 20) * (2 * sums[c] / 3.0) + 0.5)) << c;
    EXPECT_EQ(conv.time_bias[144 + c], 0);
  }
}

TEST(Quantize, KeepsWhatDescribesTheNetwork) {
  const Network net = quantize(synthetic_checkpoint(small_spec(), 1));
  EXPECT_EQ(net.dataset, "sample");
  EXPECT_EQ(net.class_names.at(4), "class4");
  EXPECT_EQ(net.spec, small_spec());
  // x = (255 / 255 - 0.4734) / 0.2516
  EXPECT_EQ(net.input_table.at(255), static_cast<int32_t>(std::floor((1 - 0.4734) / 0.2516 * (1 << 20) + 0.5)));
}

class BadCheckpoint : public ::testing::Test {
 protected:
  void set(const std::string& name, size_t index, float value) {
    const Shape shape = file_.tensors.at(name).shape;
    auto values = file_.get<float>(name, shape);
    values.at(index) = value;
    file_.add<float>(name, shape, values);
  }
  SafeTensors file_ = synthetic_checkpoint(small_spec(), 1);
};

TEST_F(BadCheckpoint, InstanceNorms) {
  const NetworkSpec spec = with_norms(small_spec(), NormKind::kInstance);
  SafeTensors file = file_;  // with the running statistics of batch norms
  file.metadata["spec"] = dump_spec(spec);
  EXPECT_ERROR(quantize(file), "running_", "does not belong to small");
  file_ = synthetic_checkpoint(spec, 1);
  set("layer1.0.bn1.weight", 2, 5000);
  EXPECT_ERROR(quantize(file_), "layer1.0.bn1.weight is 5000 at index 2", "Q20 in 32 bits");
}

TEST_F(BadCheckpoint, OutOfRange) {
  set("layer1.0.conv2.weight", 17, -16.5f);
  EXPECT_ERROR(quantize(file_), "synthetic.safetensors", "layer1.0.conv2.weight is -16.5 at index 17", "Q20 in 25 bits",
               "-16 to");
  set("layer1.0.conv2.weight", 17, NAN);
  EXPECT_ERROR(quantize(file_), "layer1.0.conv2.weight is nan");
}

TEST_F(BadCheckpoint, FoldedValueOutOfRange) {
  set("layer1.0.bn1.running_mean", 2, 1e6f);
  EXPECT_ERROR(quantize(file_), "shift of layer1.0.bn1", "at index 2");
}

TEST_F(BadCheckpoint, NegativeVariance) {
  set("layer2_2.0.bn1.running_var", 23, -1e-3f);
  EXPECT_ERROR(quantize(file_), "layer2_2.0.bn1.running_var", "at index 23");
}

TEST_F(BadCheckpoint, BreaksTheAccumulatorProof) {
  for (size_t i = 0; i < 72; ++i) set("layer2_2.0.conv2.weight", 3 * 72 + i, i % 2 ? 15.9f : -15.9f);
  EXPECT_ERROR(quantize(file_), "synthetic.safetensors", "layer2_2.0.conv2, output channel 3", "accumulator");
}

TEST_F(BadCheckpoint, TensorsOfAnotherModel) {
  SafeTensors file = file_;
  file.tensors.erase("layer2_1.0.bn2.bias");
  EXPECT_ERROR(quantize(file), "layer2_1.0.bn2.bias", "missing");
  file = file_;
  file.tensors["layer1.2.conv1.weight"] = file.tensors["layer1.1.conv1.weight"];
  EXPECT_ERROR(quantize(file), "layer1.2.conv1.weight", "does not belong to small");
  file = file_;
  file.add<float>("layer2_2.0.bn1.running_mean", {8}, std::vector<float>(8));
  EXPECT_ERROR(quantize(file), "layer2_2.0.bn1.running_mean", "[8]", "[3, 8]");
}

TEST_F(BadCheckpoint, Metadata) {
  SafeTensors file = file_;
  file.metadata["format"] = "odenet-q";
  EXPECT_ERROR(quantize(file), "already quantized");
  file = file_;
  file.metadata.erase("normalization");
  EXPECT_ERROR(quantize(file), "normalization");
  file.metadata["normalization"] = "{\"mean\": [0.5], \"std\": [0.2]}";
  EXPECT_ERROR(quantize(file), "1 means and 1 deviations, expected 3");
  file.metadata["normalization"] = "[]";
  EXPECT_ERROR(quantize(file), "damaged metadata");
  file = file_;
  file.metadata["normalization"] = R"({"mean": [0, 0, 0], "std": [1, 0, 1]})";
  EXPECT_ERROR(quantize(file), "input_table");
  file = file_;
  file.metadata["class_names"] = R"(["one"])";
  EXPECT_ERROR(quantize(file), "1 class names for 5 classes");
}

}  // namespace
}  // namespace odenet::fixed
