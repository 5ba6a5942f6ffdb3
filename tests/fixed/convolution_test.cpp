#include "fixed/convolution.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "fixed/naive_block.h"
#include "support/expect_error.h"

namespace odenet::fixed {
namespace {

// Random in the whole range, or only extremes, so that sums come near their bounds and outputs saturate.
std::vector<int32_t> random_values(size_t count, Format format, bool extreme, std::mt19937& random) {
  std::uniform_int_distribution<int64_t> any(format.min(), format.max());
  std::vector<int32_t> values(count);
  for (int32_t& value : values)
    value = static_cast<int32_t>(extreme ? (random() % 2 ? format.min() : format.max()) : any(random));
  return values;
}

RC_GTEST_PROP(Convolution, EqualsTheNaiveOne, (uint32_t seed, bool extreme)) {
  std::mt19937 random(seed);
  Formats formats;
  formats.activation.width = *rc::gen::element(32, 31, 18, 17, 12);
  formats.activation.fraction = *rc::gen::inRange(0, formats.activation.width);
  formats.weight = {*rc::gen::element(25, 18, 8), 0};
  formats.weight.fraction = *rc::gen::inRange(0, formats.weight.width);
  Conv conv;
  conv.in_channels = *rc::gen::inRange(1, 8);  // 9 * 7 weights of 2^24: still within the accumulator bound
  conv.depthwise = *rc::gen::arbitrary<bool>();
  conv.channels = conv.depthwise ? conv.in_channels : *rc::gen::inRange(1, 10);
  conv.kernel = *rc::gen::element(1, 3);
  conv.stride = *rc::gen::inRange(1, 3);
  const int height = *rc::gen::inRange(2, 12), width = *rc::gen::inRange(2, 20);
  const int executions = *rc::gen::inRange(1, 4), execution = *rc::gen::inRange(0, executions);
  const auto size = [](int a, int b, int c) { return static_cast<size_t>(a * b * c); };
  conv.weight = random_values(static_cast<size_t>(element_count(conv.weight_shape())), formats.weight, extreme, random);
  if (*rc::gen::arbitrary<bool>())
    conv.time_bias =
        random_values(size(executions, conv.channels, conv.border_classes()), formats.activation, extreme, random);
  const auto input = random_values(size(conv.in_channels, height, width), formats.activation, extreme, random);

  Convolution::Scratch scratch;
  std::vector<int32_t> output(size(conv.channels, conv_size(height, conv.stride), conv_size(width, conv.stride)));
  const Convolution convolution(conv, formats, "conv");
  const int64_t saturations = convolution.run(input, height, width, execution, scratch, output);
  const auto expected = testing::naive_conv(conv, formats, input, height, width, execution);
  RC_ASSERT(output == expected);
  RC_ASSERT(saturations <= static_cast<int64_t>(output.size()));
}

TEST(Convolution, IsExactAtTheAccumulatorBound) {
  const Formats formats{.activation = {32, 20}, .weight = {32, 20}, .scale = {32, 20}};
  const int64_t bound = accumulator_bound(formats.activation);
  for (const int sign : {1, -1})
    for (const bool depthwise : {false, true})
      for (const int32_t x : {INT32_MAX, INT32_MIN, -1, (1 << 17) - 1}) {
        Conv conv{.in_channels = 1, .channels = 1, .depthwise = depthwise};
        conv.weight.assign(9, static_cast<int32_t>(sign * (bound / 9)));
        conv.weight[4] += static_cast<int32_t>(sign * (bound % 9));
        const std::vector<int32_t> input(9, x);
        std::vector<int32_t> output(9);
        Convolution::Scratch scratch;
        Convolution(conv, formats, "conv").run(input, 3, 3, 0, scratch, output);
        EXPECT_EQ(output, testing::naive_conv(conv, formats, input, 3, 3, 0)) << sign << depthwise << " " << x;
      }
}

TEST(Convolution, CountsSaturations) {
  Conv conv{.in_channels = 1, .channels = 1, .stride = 1};
  conv.weight.assign(9, 1 << 20);  // sums of the neighbourhood
  std::vector<int32_t> input(9, 0), output(9);
  input[0] = INT32_MAX;
  input[1] = 1;
  Convolution::Scratch scratch;
  // The four outputs around the corner contain both and are one too large.
  EXPECT_EQ(Convolution(conv, {}, "conv").run(input, 3, 3, 0, scratch, output), 4);
  EXPECT_EQ(output, (std::vector<int32_t>{INT32_MAX, INT32_MAX, 1, INT32_MAX, INT32_MAX, 1, 0, 0, 0}));
}

TEST(Convolution, RefusesWeightsThatBreakTheProof) {
  Conv conv{.in_channels = 8, .channels = 1, .stride = 1};
  conv.weight.assign(72, 1 << 24);
  EXPECT_ERROR(Convolution(conv, {}, "layer1.0.conv1"), "layer1.0.conv1, output channel 0", "1073750016");
}

}  // namespace
}  // namespace odenet::fixed
