#include "fixed/trained_formats.h"

#include <gtest/gtest.h>

#include "fixed/formats_text.h"
#include "fixed/quantizer.h"
#include "support/expect_error.h"
#include "support/synthetic.h"

namespace odenet::fixed {
namespace {

using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

SafeTensors trained(const std::string& bits, const std::string& activations) {
  NetworkSpec spec = small_spec();
  spec.stages[1].shortcut = Shortcut::kProjection;
  spec.stages[2].body = Body::kSeparable;
  SafeTensors checkpoint = synthetic_checkpoint(spec, 3);
  checkpoint.metadata[kTrainedBits] = bits;
  checkpoint.metadata[kTrainedActivations] = activations;
  return checkpoint;
}

TEST(TrainedFormats, ActivationsAreKeptAndWeightsFit) {
  const SafeTensors checkpoint = trained("8", "8.4,layer1.0.hidden=8.5");
  EXPECT_EQ(trained_bits(checkpoint), 8);
  const Formats formats = trained_formats(checkpoint);
  EXPECT_EQ(formats.activation, (Format{8, 4}));
  EXPECT_EQ(formats.activation_of("layer1.0.hidden"), (Format{8, 5}));
  const Network net = quantize(checkpoint, {.formats = formats, .channel_scaling = true});
  for (const ConvLayer& layer : conv_layers(net)) {
    ASSERT_TRUE(formats.weights.contains(layer.name)) << layer.name;
    const auto [low, high] = std::ranges::minmax(layer.conv.weight);
    EXPECT_EQ(bits_needed(low, high), 8) << layer.name << ": the largest fraction";
  }
  EXPECT_TRUE(formats.weights.contains("fc"));
}

TEST(TrainedFormats, FormatsThatFit) {
  EXPECT_EQ(fitting_format(-0.5, 0.49, 8), (Format{8, 8})) << "the sign's bit and seven more";
  EXPECT_EQ(fitting_format(-0.01, 0.007, 8), (Format{8, 13}));
  EXPECT_EQ(fitting_format(0, 0, 8), (Format{8, 31}));
  EXPECT_EQ(fitting_format(-1, 0.998, 8), (Format{8, 6})) << "0.998 rounds to 1";
  EXPECT_EQ(fitting_format(-1, 0.99, 8), (Format{8, 7}));
  EXPECT_EQ(fitting_format(-300, 0, 8), (Format{8, 0})) << "none";
}

TEST(TrainedFormats, WeightsLeaveRoomInTheAccumulators) {
  std::vector<float> weights(2 * 5000, 0.01f);
  weights[7500] = -0.4f;  // 50.39 in the second channel
  const Format format = weight_format(weights, 2, 25, {32, 20});
  EXPECT_LT(format.fraction, fitting_format(-0.4, 0.01, 25).fraction);
  const auto sum = [&](Format f) { return weight_sum_bound(std::span(weights).subspan(5000), f); };
  EXPECT_LE(sum(format), accumulator_bound({32, 20}));
  EXPECT_GT(sum({25, format.fraction + 1}), accumulator_bound({32, 20}));
  EXPECT_EQ(weight_format(weights, 2, 25, {8, 4}), fitting_format(-0.4, 0.01, 25)) << "narrow inputs leave more room";
}

TEST(TrainedFormats, OtherCheckpointsAreRefused) {
  SafeTensors plain = synthetic_checkpoint(small_spec(), 3);
  EXPECT_EQ(trained_bits(plain), 0);
  EXPECT_ERROR(trained_formats(plain), "--quantize");
  EXPECT_ERROR(trained_bits(trained("eight", "8.4")), "quantize is 'eight'");
  EXPECT_ERROR(trained_bits(trained("40", "8.4")), "2 to 32 bits");
  EXPECT_ERROR(trained_formats(trained("8", "8.32")), "'8.32'");
}

}  // namespace
}  // namespace odenet::fixed
