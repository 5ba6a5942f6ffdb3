// Fixed-step Runge-Kutta programs against the definition of engine/compiler.h, loop by loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compiler.h"
#include "engine/cycles.h"
#include "engine/explore.h"
#include "engine/model.h"
#include "engine/simulator.h"
#include "fixed/online_norm.h"
#include "fixed/runner.h"
#include "random_block.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using fixed::RungeKutta;
using testing::RandomBlock;

RungeKutta rk4() {
  const int32_t one = 1 << 20, half = one / 2, third = (one + 1) / 3, sixth = (one + 3) / 6;
  return {
      .stages = 4, .a = {0, 0, 0, 0, half, 0, 0, 0, 0, half, 0, 0, 0, 0, one, 0}, .b = {sixth, third, third, sixth}};
}

// Rows with several terms, of both signs: Kutta's 3/8 rule.
RungeKutta three_eighths() {
  const int32_t one = 1 << 20, third = (one + 1) / 3;
  return {.stages = 4,
          .a = {0, 0, 0, 0, third, 0, 0, 0, -third, one, 0, 0, one, -one, one, 0},
          .b = {one / 8, 3 * one / 8, 3 * one / 8, one / 8}};
}

RungeKutta euler() { return {.stages = 1, .a = {0}, .b = {1 << 20}}; }

RandomBlock with(RandomBlock random, const RungeKutta& method) {
  random.block.method = method;
  return random;
}

class Reference {
 public:
  Reference(const RandomBlock& random, const RungeKutta& method)
      : block_(random.block), formats_(random.formats), method_(method) {}

  int64_t saturations = 0;

  std::vector<int32_t> run(std::vector<int32_t> z) {
    const auto stages = static_cast<size_t>(method_.stages);
    for (int step = 0; step < block_.executions / method_.stages; ++step) {
      std::vector<std::vector<int32_t>> k(stages);
      for (size_t i = 0; i < stages; ++i) {
        std::vector<int32_t> u = z;
        for (size_t j = 0; j < i; ++j) add(method_.a[i * stages + j], k[j], u);
        k[i] = evaluate(u, step * method_.stages + static_cast<int>(i));
      }
      for (size_t j = 0; j < stages; ++j) add(method_.b[j], k[j], z);
    }
    return z;
  }

 private:
  void add(int32_t factor, const std::vector<int32_t>& k, std::vector<int32_t>& sum) {
    if (factor == 0) return;
    for (size_t n = 0; n < sum.size(); ++n) {
      const int64_t product = fixed::round_half_up(int64_t{k[n]} * factor, formats_.scale.fraction);
      const int64_t term = fixed::saturate(product, formats_.activation, &saturations);
      sum[n] = fixed::saturate(sum[n] + term, formats_.activation, &saturations);
    }
  }

  // Plain 3x3, stride 1, with the time bias of that evaluation.
  std::vector<int32_t> convolve(const fixed::Conv& conv, const std::vector<int32_t>& input, int evaluation) {
    const int height = block_.height, width = block_.width;
    std::vector<int32_t> output;
    for (int o = 0; o < conv.channels; ++o)
      for (int row = 0; row < height; ++row)
        for (int column = 0; column < width; ++column) {
          int64_t sum = 0;
          for (int c = 0; c < conv.in_channels; ++c)
            for (int tap = 0; tap < 9; ++tap) {
              const int y = row + tap / 3 - 1, x = column + tap % 3 - 1;
              if (y < 0 || x < 0 || y >= height || x >= width) continue;
              sum += int64_t{input[static_cast<size_t>((c * height + y) * width + x)]} *
                     conv.weight[static_cast<size_t>((o * conv.in_channels + c) * 9 + tap)];
            }
          const int border = 3 * fixed::border_class(row, height) + fixed::border_class(column, width);
          const int bias = conv.time_bias[static_cast<size_t>((evaluation * conv.channels + o) * 9 + border)];
          output.push_back(fixed::saturate(fixed::round_half_up(sum, formats_.weight.fraction) + bias,
                                           formats_.activation, &saturations));
        }
    return output;
  }

  void normalise(const fixed::Norm& norm, int evaluation, bool relu, std::vector<int32_t>& values) {
    const size_t channels = static_cast<size_t>(block_.channels()), pixels = values.size() / channels;
    if (block_.norm == NormKind::kInstance) return normalise_online(norm, evaluation, relu, values);
    for (size_t n = 0; n < values.size(); ++n) {
      const size_t at = static_cast<size_t>(evaluation) * channels + n / pixels;
      values[n] = fixed::saturate(
          fixed::round_half_up(int64_t{values[n]} * norm.scale[at], formats_.scale.fraction) + norm.shift[at],
          formats_.activation, &saturations);
      if (relu) values[n] = std::max(values[n], 0);
    }
  }

  void normalise_online(const fixed::Norm& norm, int evaluation, bool relu, std::vector<int32_t>& values) {
    const size_t channels = static_cast<size_t>(block_.channels()), pixels = values.size() / channels;
    for (size_t c = 0; c < channels; ++c) {
      const size_t at = static_cast<size_t>(evaluation) * channels + c;
      const auto channel = std::span(values).subspan(c * pixels, pixels);
      fixed::Moments moments;
      for (const int32_t value : channel) moments.add(value);
      const auto s = fixed::online_scale(moments, static_cast<int>(pixels), norm.scale[at], formats_.activation,
                                         formats_.scale, &saturations);
      for (int32_t& value : channel) {
        const int64_t d = fixed::saturate(int64_t{value} - s.mean, formats_.activation, &saturations);
        value = fixed::saturate(fixed::round_half_up(d * s.scale, formats_.scale.fraction) + norm.shift[at],
                                formats_.activation, &saturations);
        if (relu) value = std::max(value, 0);
      }
    }
  }

  std::vector<int32_t> evaluate(const std::vector<int32_t>& u, int evaluation) {
    std::vector<int32_t> hidden = convolve(block_.conv1, u, evaluation);
    normalise(block_.norm1, evaluation, true, hidden);
    std::vector<int32_t> result = convolve(block_.conv2, hidden, evaluation);
    normalise(block_.norm2, evaluation, false, result);
    return result;
  }

  fixed::Block block_;
  fixed::Formats formats_;
  RungeKutta method_;
};

TEST(RungeKutta, ModelEqualsTheDefinition) {
  for (const RungeKutta& method : {euler(), rk4(), three_eighths()})
    for (const auto& [extreme, norm] : {std::pair(false, NormKind::kBatch), std::pair(true, NormKind::kBatch),
                                        std::pair(true, NormKind::kInstance)}) {
      RandomBlock random = with(
          {{.channels = 4, .height = 5, .executions = 2 * method.stages, .extreme = extreme, .width = 8, .norm = norm},
           5},
          method);
      const Program program = compile(random.block, random.formats, Lanes{2, 4});
      EXPECT_EQ(multiply_adds(program), random.block.executions * 2 * 4 * 4 * 9 * 5 * 8);
      EXPECT_EQ(program.parameters.weight_words, 2 * 4 * 4 * 9 / 2) << "the stages share them";
      const auto input = random.images(1);
      Reference reference(random, method);
      const std::vector<int32_t> expected = reference.run(input);
      Model model(program);
      EXPECT_EQ(model.run(input), expected);
      EXPECT_EQ(model.saturations(), reference.saturations);
      fixed::BlockRunner runner(random.block, random.formats);
      EXPECT_EQ(runner.run(input), expected);
      int64_t saturations = 0;
      for (const auto& layer : runner.saturations()) saturations += layer.count;
      EXPECT_EQ(saturations, reference.saturations);
      EXPECT_EQ(model.saturations() > 0, extreme);
    }
}

TEST(RungeKutta, ModelEqualsTheIntegerBlockInOtherFormats) {
  for (const auto& [activations, weights] :
       {std::pair("16.9", "16.12"), std::pair("24.16", "18.14"), std::pair("28.20", "20.15")})
    for (const bool extreme : {false, true}) {
      const RandomBlock random = with({{.channels = 4,
                                        .height = 5,
                                        .executions = 8,
                                        .extreme = extreme,
                                        .activations = activations,
                                        .weights = weights},
                                       5},
                                      rk4());
      const Program program = compile(random.block, random.formats, Lanes{2, 4});
      fixed::BlockRunner runner(random.block, random.formats);
      Model model(program);
      const auto input = RandomBlock(random).images(1);
      EXPECT_EQ(model.run(input), runner.run(input)) << activations;
      int64_t saturations = 0;
      for (const auto& layer : runner.saturations()) saturations += layer.count;
      EXPECT_EQ(model.saturations(), saturations) << activations;
    }
}

TEST(RungeKutta, EngineEqualsTheDefinition) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  RandomBlock random = with({{.channels = 4, .height = 4, .executions = 8, .extreme = true}, 6}, three_eighths());
  const Program program = compile(random.block, random.formats, Lanes{2, 8});
  const auto input = random.images(2);
  const auto first = std::vector<int32_t>(input.begin(), input.begin() + 128);
  const auto second = std::vector<int32_t>(input.begin() + 128, input.end());
  Reference reference(random, three_eighths());
  auto expected = reference.run(first);
  const auto rest = reference.run(second);
  expected.insert(expected.end(), rest.begin(), rest.end());

  Simulator simulator(program, 1);
  const Simulation simulation = simulator.run(input);
  EXPECT_EQ(simulation.output, expected);
  ASSERT_EQ(simulation.images.size(), 2u);
  for (const ImageCounters& image : simulation.images) EXPECT_EQ(image.compute_cycles, cycles(program).compute);
  EXPECT_EQ(simulation.images[0].saturations + simulation.images[1].saturations, reference.saturations);
}

TEST(RungeKutta, RefusesWhatIsNoExplicitMethod) {
  const auto run = [&](const fixed::Method& method, bool separable = false) {
    RandomBlock random({.channels = 4, .executions = 6, .separable = separable}, 1);
    random.block.method = method;
    compile(random.block, random.formats, Lanes{1, 8});
  };
  EXPECT_ERROR(run(rk4()), "layer3_2.0", "4 stages", "6 evaluations");
  EXPECT_ERROR(run(RungeKutta{.stages = 2, .a = {0, 0, 1}, .b = {1, 1}}), "3 and 2 coefficients");
  EXPECT_ERROR(run(RungeKutta{.stages = 2, .a = {0, 1, 1, 0}, .b = {1, 1}}), "not explicit");
  EXPECT_ERROR(run(RungeKutta{.stages = 2, .a = {0, 0, 0, 0}, .b = {1, 1}}), "row", "zero");
  EXPECT_ERROR(run(RungeKutta{.stages = 2, .a = {0, 0, 1, 0}, .b = {1, 1}}, true), "plain convolutions");
  EXPECT_ERROR(run(fixed::Leapfrog()), "layer3_2.0", "leapfrog");
}

// z, K_0, ..., K_3 of 16 x 32 x 32 in one map: too many words of one pixel, as hw/rtl/engine.v says, too.
TEST(RungeKutta, RefusesMapsOfMoreWordsThanTheEngineHas) {
  const RandomBlock random = with({{.channels = 16, .height = 32, .executions = 4, .width = 32}, 1}, rk4());
  constexpr Device kLarge{"large", DeviceFamily::kXilinx, {1e9, 1e9, 1e9, 1e9}};
  EXPECT_ERROR(compile(random.block, random.formats, Lanes{1, 1}, kLarge), "layer3_2.0", "81920 words", "65536");
  EXPECT_EQ(compile(random.block, random.formats, Lanes{1, 2}, kLarge).parameters.map_words[0], 40960);
  const Exploration sizes = explore(random.block, random.formats, {.device = kLarge});
  EXPECT_THAT(sizes.sizes[0].refused, ::testing::HasSubstr("65536"));
  EXPECT_TRUE(sizes.sizes[1].refused.empty());
}

}  // namespace
}  // namespace odenet::engine
