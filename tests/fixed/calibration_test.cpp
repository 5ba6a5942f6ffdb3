#include "fixed/calibration.h"

#include <gtest/gtest.h>

#include "fixed/quantizer.h"
#include "ode/solver.h"
#include "support/expect_error.h"
#include "support/synthetic.h"

namespace odenet::fixed {
namespace {

using odenet::testing::random_images;
using odenet::testing::Reference;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

// Sum of squared errors of the logits of 20 images.
double error(const SafeTensors& checkpoint, const NetworkSpec& spec, const QuantizeOptions& options) {
  const auto images = random_images(spec, 20, 4);
  const Network net = quantize(checkpoint, options);
  const auto logits = Runner(net).run(images);
  const Reference reference(checkpoint, spec);
  double sum = 0;
  for (size_t i = 0; i < 20; ++i) {
    const auto expected = reference.logits(std::span(images).subspan(i * 192, 192));
    for (size_t k = 0; k < 5; ++k) sum += std::pow(format_at(net, "fc").to_real(logits[i * 5 + k]) - expected[k], 2);
  }
  return sum;
}

TEST(ValueSample, TakesTheLargestFractionThatFits) {
  ValueSample sample;
  for (const double value : {0.1, -3.9, 2.0}) sample.add(value);
  EXPECT_EQ(sample.best_fraction(8, true), 5);  // -4 to 3.97
  sample.add(4.0);
  EXPECT_EQ(sample.best_fraction(8, true), 4);
  EXPECT_EQ(sample.best_fraction(2, true), 0);
}

TEST(ValueSample, SaturatesRareOutliersWhereThatErrsLess) {
  ValueSample sample;
  for (int i = 0; i < 100000; ++i) sample.add(i % 1000 / 1000.0);
  EXPECT_EQ(sample.best_fraction(8, false), 7);
  sample.add(1.2);
  EXPECT_EQ(sample.best_fraction(8, false), 7);
  EXPECT_EQ(sample.best_fraction(8, true), 6);
  for (int i = 0; i < 50000; ++i) sample.add(1.2);
  EXPECT_EQ(sample.best_fraction(8, false), 6);
}

TEST(ValueSample, KeepsABitFreeWhereItCostsNothing) {
  ValueSample sample;
  for (int i = -1000; i < 1000; ++i) sample.add(i / 1000.0);
  EXPECT_EQ(sample.best_fraction(32, true), 31);
  EXPECT_EQ(sample.best_fraction(32, false), 30);
  EXPECT_EQ(sample.best_fraction(20, false), 18);
  EXPECT_EQ(sample.best_fraction(8, false), 7) << "where it costs 6 dB of 50";
}

// All that has the format of z is looked at: K_i and the sums of a Runge-Kutta step may be far larger than z.
TEST(Calibration, WideFormatsServeEverySolver) {
  for (const ode::Solver& solver : ode::solvers()) {
    SCOPED_TRACE(solver.name);
    NetworkSpec spec = small_spec();
    for (Stage& stage : spec.stages)
      if (stage.ode) {
        stage.solver = solver.name;
        stage.executions = static_cast<int>(ode::evaluations(solver, 2));
      }
    spec.end_time = 4;
    const SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
    Calibration calibration(quantize(checkpoint), 1);
    const auto images = random_images(spec, 20, 4);
    calibration.run(images);
    const Formats formats = calibration.formats(32);
    Runner runner(quantize(checkpoint, {.formats = formats}), 1);
    runner.run(images);
    for (const auto& [layer, count] : runner.saturations()) EXPECT_EQ(count, 0) << layer;
    EXPECT_LT(error(checkpoint, spec, {.formats = formats}), 1.1 * error(checkpoint, spec, {}));
  }
}

TEST(Calibration, LeavesRoomInTheAccumulators) {
  const NetworkSpec spec = small_spec();
  SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
  const std::string name = "layer2_2.0.conv1.weight";
  const Shape shape = checkpoint.tensors.at(name).shape;
  std::vector<float> weights(static_cast<size_t>(element_count(shape)));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = i % 2 == 0 ? 0.9f : -0.9f;
  checkpoint.add<float>(name, shape, weights);  // 72 a channel: 64.8 in all
  Calibration calibration(quantize(checkpoint), 1);
  calibration.run(random_images(spec, 20, 4));
  for (const bool channel_scaling : {false, true})  // quantize() proves the accumulators
    EXPECT_NO_THROW(quantize(checkpoint, {.formats = calibration.formats(32), .channel_scaling = channel_scaling}));
  EXPECT_NO_THROW(quantize(checkpoint, {.channel_scaling = true}));
}

TEST(Calibration, NamesEveryPointAndLayerAndErrsLessThanOneFormatForAll) {
  NetworkSpec spec = small_spec();
  spec.stages[1].body = Body::kSeparable;
  spec.stages[2].body = Body::kSeparable;
  spec.stages[1].shortcut = Shortcut::kProjection;
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
  Calibration calibration(quantize(checkpoint), 1);
  EXPECT_ERROR(calibration.formats(8), "no images");
  const auto images = random_images(spec, 20, 4);
  calibration.run(images);
  EXPECT_ERROR(calibration.formats(33), "33 bits");
  const Formats formats = calibration.formats(12);
  std::vector<std::string> points, layers;
  for (const auto& [name, format] : formats.activations) points.push_back(name);
  for (const auto& [name, format] : formats.weights) layers.push_back(name);
  EXPECT_EQ(points, (std::vector<std::string>{
                        "conv1", "input", "layer1.0", "layer1.0.hidden", "layer1.1", "layer1.1.hidden", "layer2_1.0",
                        "layer2_1.0.conv1.depthwise", "layer2_1.0.conv2.depthwise", "layer2_1.0.hidden", "layer2_2.0",
                        "layer2_2.0.conv1.depthwise", "layer2_2.0.conv2.depthwise", "layer2_2.0.hidden"}));
  EXPECT_EQ(layers.size(), 1 + 4 + 5 + 4 + 1u);

  const Formats same{.activation = {12, 8}, .weight = {12, 9}, .sum = Format{32, 20}};
  EXPECT_LT(error(checkpoint, spec, {.formats = formats}), error(checkpoint, spec, {.formats = same}));
  EXPECT_LT(error(checkpoint, spec, {.formats = calibration.formats(20)}),
            error(checkpoint, spec, {.formats = formats}) / 1000);  // 6 dB a bit: 2^16
}

TEST(Calibration, ServesInstanceNorms) {
  const NetworkSpec spec = with_norms(small_spec(), NormKind::kInstance);
  const SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
  Calibration calibration(quantize(checkpoint), 1);
  calibration.run(random_images(spec, 20, 4));
  const Formats same{.activation = {12, 8}, .weight = {12, 9}, .sum = Format{32, 20}};
  EXPECT_LT(error(checkpoint, spec, {.formats = calibration.formats(12)}), error(checkpoint, spec, {.formats = same}));
  EXPECT_LT(error(checkpoint, spec, {.formats = calibration.formats(12), .channel_scaling = true}),
            error(checkpoint, spec, {.formats = same}));
}

TEST(Calibration, ChannelScalingKeepsChannelsOfSmallWeights) {
  const NetworkSpec spec = small_spec();
  SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
  const auto scale_odd_channels = [&](const std::string& name, float factor) {
    const Shape shape = checkpoint.tensors.at(name).shape;
    auto values = checkpoint.get<float>(name, shape);
    const size_t each = values.size() / 4;
    for (size_t i = 0; i < values.size(); ++i)
      if (i / each % 2 == 1) values[i] *= factor;
    checkpoint.add<float>(name, shape, values);
  };
  for (const std::string conv : {"1", "2"}) {  // the norm makes up for it
    scale_odd_channels("layer1.0.conv" + conv + ".weight", 1.0f / 16);
    scale_odd_channels("layer1.0.bn" + conv + ".running_mean", 1.0f / 16);
    scale_odd_channels("layer1.0.bn" + conv + ".running_var", 1.0f / 256);
  }
  const Formats formats{.activation = {24, 16}, .weight = {8, 6}, .sum = Format{32, 20}};
  EXPECT_LT(error(checkpoint, spec, {.formats = formats, .channel_scaling = true}),
            error(checkpoint, spec, {.formats = formats}) / 2);
}

}  // namespace
}  // namespace odenet::fixed
