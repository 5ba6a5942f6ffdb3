// The engine's C++ model against the integer block, of every kind: programs are right before any RTL runs them.
#include "engine/model.h"

#include <gtest/gtest.h>

#include "engine/compiler.h"
#include "engine/cycles.h"
#include "fixed/quantizer.h"
#include "fixed/runner.h"
#include "random_block.h"
#include "support/expect_error.h"
#include "support/synthetic.h"

namespace odenet::engine {
namespace {

using testing::RandomBlock;
using testing::Shape;

struct Case {
  Shape shape;
  Lanes lanes;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.shape.channels << " x " << c.shape.height << " x " << c.shape.width << ", stride " << c.shape.stride
       << ", lanes " << c.lanes.oc << " x " << c.lanes.px;
}

class ModelOfBlock : public ::testing::TestWithParam<Case> {};

void expect_the_integer_block(const Shape& shape, Lanes lanes) {
  RandomBlock random(shape, 7);
  const Program program = compile(random.block, random.formats, lanes);
  fixed::BlockRunner runner(random.block, random.formats, 1);
  Model model(program);
  const auto input = random.images(1);
  EXPECT_EQ(model.run(input), runner.run(input));
  int64_t saturations = 0;
  for (const auto& layer : runner.saturations()) saturations += layer.count;
  EXPECT_EQ(model.saturations(), saturations);
}

TEST_P(ModelOfBlock, EqualsTheIntegerBlock) { expect_the_integer_block(GetParam().shape, GetParam().lanes); }

TEST_P(ModelOfBlock, EqualsTheIntegerBlockOfInstanceNorms) {
  Shape shape = GetParam().shape;
  shape.norm = NormKind::kInstance;
  expect_the_integer_block(shape, GetParam().lanes);
}

// In formats of one DSP and of two, with sums of more fraction than activations or of the same.
TEST(ModelOfBlocks, EqualTheIntegerBlocksInOtherFormats) {
  const std::pair<const char*, const char*> formats[] = {{"16.9", "16.12"},  {"18.10", "18.14"}, {"24.16", "18.14"},
                                                         {"18.12", "25.20"}, {"28.20", "20.15"}, {"8.4", "8.6"},
                                                         {"32.16", "18.12"}, {"16.9", "25.20"}};
  const Shape shapes[] = {{.channels = 4, .height = 5, .executions = 3},
                          {.channels = 4, .height = 6, .executions = 2, .extreme = true, .width = 16},
                          {.channels = 4, .height = 8, .executions = 1, .ode = false, .stride = 2, .in_channels = 2},
                          {.channels = 4,
                           .height = 8,
                           .executions = 1,
                           .ode = false,
                           .skip = Skip::kShort,
                           .in_channels = 2,
                           .projection = true},
                          {.channels = 4, .height = 5, .executions = 3, .separable = true},
                          {.channels = 4, .height = 8, .executions = 2, .extreme = true, .separable = true}};
  for (const auto& [activations, weights] : formats)
    for (Shape shape : shapes) {
      SCOPED_TRACE(fmt::format("{} {}, {} executions{}{}", activations, weights, shape.executions,
                               shape.extreme ? ", extreme" : "", shape.separable ? ", separable" : ""));
      shape.activations = activations;
      shape.weights = weights;
      expect_the_integer_block(shape, {2, 4});
    }
}

const auto kNone = Skip::kNone, kShort = Skip::kShort;

INSTANTIATE_TEST_SUITE_P(
    Kinds, ModelOfBlock,
    ::testing::Values(
        Case{{.channels = 4, .height = 5, .executions = 3}, {1, 8}},
        Case{{.channels = 4, .height = 6, .executions = 2, .extreme = true, .width = 16}, {2, 4}},
        Case{{.channels = 3, .height = 1, .executions = 2, .width = 1}, {1, 1}},
        Case{{.channels = 4, .height = 7, .executions = 1, .width = 6, .ode = false}, {2, 2}},
        Case{{.channels = 4,
              .height = 8,
              .executions = 1,
              .extreme = true,
              .width = 16,
              .ode = false,
              .stride = 2,
              .in_channels = 3},
             {4, 8}},
        Case{{.channels = 4, .height = 8, .executions = 1, .ode = false, .in_channels = 2}, {1, 4}},
        Case{{.channels = 4, .height = 8, .executions = 1, .ode = false, .skip = kShort}, {2, 8}},
        Case{{.channels = 4, .height = 8, .executions = 1, .ode = false, .skip = kShort, .stride = 2, .in_channels = 2},
             {2, 1}},
        Case{{.channels = 4, .height = 8, .executions = 1, .ode = false, .skip = kNone, .stride = 2, .in_channels = 2},
             {2, 2}},
        Case{{.channels = 4,
              .height = 8,
              .executions = 1,
              .ode = false,
              .stride = 2,
              .in_channels = 2,
              .projection = true},
             {2, 4}},
        Case{{.channels = 4,
              .height = 8,
              .executions = 1,
              .ode = false,
              .skip = kShort,
              .stride = 2,
              .in_channels = 2,
              .projection = true},
             {4, 1}},
        Case{{.channels = 4, .height = 5, .executions = 3, .separable = true}, {2, 8}},
        Case{{.channels = 4, .height = 8, .executions = 2, .extreme = true, .width = 16, .separable = true}, {1, 8}},
        Case{{.channels = 4,
              .height = 8,
              .executions = 1,
              .ode = false,
              .stride = 2,
              .in_channels = 2,
              .separable = true},
             {2, 2}}));

TEST(Model, EqualsTheBlocksOfAQuantizedNetworkWithInstanceNorms) {
  NetworkSpec spec = with_norms(odenet::testing::small_spec(), NormKind::kInstance);
  spec.height = spec.width = 16;
  fixed::Runner runner(fixed::quantize(odenet::testing::synthetic_checkpoint(spec, 3)), 1);
  const auto images = odenet::testing::random_images(spec, 1, 5);
  for (size_t i = 0; i < runner.network().blocks.size(); ++i) {
    const auto input = runner.block_input(images, i);
    const Program program = compile(runner.network().blocks[i], runner.network().formats(), 8);
    EXPECT_EQ(Model(program).run(input), runner.block(i).run(input)) << program.name;
  }
}

// One bit more or less in any of its numbers would show.
TEST(Model, TheSubsampledShortcutOfInstanceNormsIsExact) {
  RandomBlock random({.channels = 2,
                      .height = 4,
                      .executions = 1,
                      .ode = false,
                      .stride = 2,
                      .in_channels = 1,
                      .norm = NormKind::kInstance},
                     1);
  for (auto* norm : {&random.block.norm1, &random.block.norm2}) norm->scale = norm->shift = {0, 0};
  std::vector<int32_t> image(32);
  for (size_t i = 0; i < image.size(); ++i) image[i] = INT32_MAX - static_cast<int32_t>(i);
  const Program program = compile(random.block, random.formats, Lanes{1, 4});
  std::vector<int32_t> expected{image[0], image[2], image[4], image[6], image[16], image[18], image[20], image[22]};
  expected.resize(16);
  EXPECT_EQ(Model(program).run(image), expected);
}

TEST(Model, RefusesAProgramThatLeavesItsMemories) {
  RandomBlock random({.channels = 4}, 1);
  Program program = compile(random.block, random.formats, 16);
  program.instructions[1].destination_base = 1;
  EXPECT_ERROR(Model(program).run(random.images(1)), "engine model", "written pixel 256 of 256");
}

}  // namespace
}  // namespace odenet::engine
