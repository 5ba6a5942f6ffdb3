#include "fixed/convolution.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>
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

struct Result {
  std::vector<int32_t> output;
  int64_t saturations = 0;
};

// [Cin, H, W] -> [C, H', W']
Result run(const ConvLayer& layer, std::span<const int32_t> input, int height, int width, int execution = 0,
           int threads = 1) {
  Map x, y;
  x.read(input, layer.conv.in_channels, height, width);
  Convolution::Scratch scratch;
  ThreadPool pool(threads);
  Result result;
  const auto count =
      Convolution(layer).run({.input = x, .execution = execution}, scratch, threads > 1 ? &pool : nullptr, y);
  result.saturations = count.sum + count.norm;
  result.output.resize(static_cast<size_t>(y.channels() * y.pixels()));
  y.write(result.output);
  return result;
}

// The instruction sets that this machine and the build have, each by itself.
std::vector<int64_t> targets() {
  const int64_t supported = hwy::SupportedTargets();
  std::vector<int64_t> result;
  for (int64_t bits = supported; bits != 0; bits &= bits - 1) result.push_back(bits & -bits);
  return result;
}

void use_only(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().DeInit();
}

int64_t round_trip_saturations(const std::vector<int32_t>& output, Format format) {
  int64_t count = 0;
  for (const int32_t value : output) count += value == format.min() || value == format.max();
  return count;
}

RC_GTEST_PROP(Convolution, EqualsTheNaiveOneOnEveryInstructionSet, (uint32_t seed, bool extreme)) {
  std::mt19937 random(seed);
  const auto format = [](std::initializer_list<int> widths) {
    const int width = *rc::gen::elementOf(std::vector<int>(widths));
    return Format{width, *rc::gen::inRange(0, width)};
  };
  LayerFormats formats;
  formats.input = format({32, 31, 18, 17, 16, 12, 8, 2});
  formats.weight = format({25, 18, 16, 8, 2});
  formats.scale = {32, *rc::gen::inRange(0, kMaxScaleFraction + 1)};
  formats.sum = format({32, 20, 8});
  formats.sum.fraction = std::min(formats.sum.fraction, formats.input.fraction + formats.weight.fraction);
  formats.output = format({32, 18, 8, 2});
  formats.output.fraction = std::min(formats.output.fraction, formats.sum.fraction + formats.scale.fraction);

  Conv conv;
  conv.in_channels = *rc::gen::inRange(1, 8);  // 9 * 7 weights of 2^24: still within the accumulator bound
  conv.depthwise = *rc::gen::arbitrary<bool>();
  conv.channels = conv.depthwise ? conv.in_channels : *rc::gen::inRange(1, 36);
  conv.kernel = *rc::gen::element(1, 3);
  conv.stride = *rc::gen::inRange(1, 3);
  const int height = *rc::gen::inRange(2, 12), width = *rc::gen::inRange(2, 20);
  const int executions = *rc::gen::inRange(1, 4), execution = *rc::gen::inRange(0, executions);
  const auto size = [](int a, int b, int c) { return static_cast<size_t>(a * b * c); };
  conv.weight = random_values(static_cast<size_t>(element_count(conv.weight_shape())), formats.weight, extreme, random);
  const bool timed = *rc::gen::arbitrary<bool>();
  if (timed)
    conv.time_bias =
        random_values(size(executions, conv.channels, conv.border_classes()), formats.sum, extreme, random);
  Norm norm{random_values(size(1, executions, conv.channels), formats.scale, extreme, random),
            random_values(size(1, executions, conv.channels), formats.sum, extreme, random)};
  const bool normed = *rc::gen::arbitrary<bool>();
  const bool online = *rc::gen::arbitrary<bool>();
  const ConvLayer layer{"conv", conv, "norm", normed ? &norm : nullptr, executions, timed, normed && online, formats};
  auto input = random_values(size(conv.in_channels, height, width), formats.input, extreme, random);
  if (*rc::gen::inRange(0, 4) == 0) std::fill(input.begin(), input.end(), input.front());  // little variance

  auto expected = testing::naive_conv(conv, formats, input, height, width, execution);
  if (normed) testing::naive_norm(layer, execution, expected);
  const int threads = *rc::gen::inRange(1, 3);
  for (const int64_t target : targets()) {
    use_only(target);
    const Result result = run(layer, input, height, width, execution, threads);
    RC_ASSERT(result.output == expected);
    if (!normed) RC_ASSERT(result.saturations <= round_trip_saturations(expected, formats.sum));
  }
  use_only(0);
}

ConvLayer plain(const Conv& conv, const LayerFormats& formats = {}) {
  return {"conv", conv, {}, nullptr, 1, false, false, formats};
}

// Largest weights and activations for which each way to sum is just possible, and just not.
TEST(Convolution, IsExactAtTheBoundsOfEveryKindOfSum) {
  const auto check = [](const LayerFormats& formats, int64_t weight_sum, int32_t x, bool depthwise) {
    for (const int64_t sign : {1, -1})
      for (const int64_t target : targets()) {
        use_only(target);
        Conv conv{.in_channels = 1, .channels = 1, .depthwise = depthwise};
        conv.weight.assign(9, static_cast<int32_t>(sign * (weight_sum / 9)));
        conv.weight[4] += static_cast<int32_t>(sign * (weight_sum % 9));
        const std::vector<int32_t> input(9, x);
        EXPECT_EQ(run(plain(conv, formats), input, 3, 3).output, testing::naive_conv(conv, formats, input, 3, 3, 0))
            << sign << " " << weight_sum << " " << x << depthwise;
      }
    use_only(0);
  };
  const LayerFormats wide{.input = {32, 0}, .weight = {32, 20}, .sum = {32, 0}};
  const int64_t accumulator = accumulator_bound(wide.input);
  const int64_t doubles = (int64_t{1} << 53) / INT32_MAX;
  for (const bool depthwise : {false, true})
    for (const int32_t x : {INT32_MAX, INT32_MIN, -1, (1 << 17) - 1})
      for (const int64_t sum : {accumulator, doubles - 1, doubles, doubles + 1}) check(wide, sum, x, depthwise);
  const LayerFormats narrow{.input = {16, 0}, .weight = {16, 8}, .sum = {32, 0}};
  for (const int32_t x : {-32768, 32767})
    for (const int64_t sum : {65535, 65536, 9 * 32767}) check(narrow, sum, x, false);
}

TEST(Convolution, CountsSaturations) {
  Conv conv{.in_channels = 1, .channels = 1, .stride = 1};
  conv.weight.assign(9, 1 << 20);  // sums of the neighbourhood
  std::vector<int32_t> input(9, 0);
  input[0] = INT32_MAX;
  input[1] = 1;
  // The four outputs around the corner contain both and are one too large.
  const Result result = run(plain(conv), input, 3, 3);
  EXPECT_EQ(result.saturations, 4);
  EXPECT_EQ(result.output, (std::vector<int32_t>{INT32_MAX, INT32_MAX, 1, INT32_MAX, INT32_MAX, 1, 0, 0, 0}));
}

TEST(Convolution, RefusesWeightsThatBreakTheProof) {
  Conv conv{.in_channels = 8, .channels = 1, .stride = 1};
  conv.weight.assign(72, 1 << 24);
  EXPECT_ERROR(Convolution(plain(conv)), "conv, output channel 0", "1073750016");
}

}  // namespace
}  // namespace odenet::fixed
