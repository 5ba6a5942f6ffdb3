#include "engine/compiler.h"

#include <gtest/gtest.h>

#include "random_block.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using testing::RandomBlock;

TEST(Compiler, WritesTheProgramOfAnOdeBlock) {
  const RandomBlock random({.channels = 6, .height = 5, .executions = 3}, 1);
  const Program program = compile(random.block, random.formats, 16);
  ASSERT_EQ(program.instructions.size(), 6u);
  EXPECT_EQ(describe(program.instructions[0]), "load count=30");
  EXPECT_EQ(describe(program.instructions[1]), "convolve destination=1 relu=1 in_channels=6 count=3 height=5");
  EXPECT_EQ(describe(program.instructions[2]),
            "convolve source=1 add=1 in_channels=6 count=3 height=5 weight=162 table=6");
  EXPECT_EQ(describe(program.instructions[3]), "loop count=3 table=12 target=1");
  EXPECT_EQ(describe(program.instructions[4]), "store count=30");
  EXPECT_EQ(describe(program.instructions[5]), "end");
  EXPECT_EQ(program.image_size(), 6 * 5 * 8);
  EXPECT_EQ(program.parameters.macs(), 16);
  EXPECT_EQ(program.parameters.map_words, 30);
  EXPECT_EQ(program.parameters.weight_words, 2 * 3 * 6 * 9);
  EXPECT_EQ(program.parameters.table_words, 2 * 3 * 6);
}

TEST(Compiler, LaysOutMemoriesInTheOrderOfUse) {
  const RandomBlock random({.channels = 6, .executions = 3}, 2);
  const Program program = compile(random.block, random.formats, 16);
  for (size_t lane = 0; lane < 2; ++lane)
    for (size_t group = 0; group < 3; ++group)
      for (size_t tap = 0; tap < 54; ++tap) {
        const size_t from = (group * 2 + lane) * 54 + tap, to = group * 54 + tap;
        ASSERT_EQ(program.weights[lane][to], random.block.conv1.weight[from]);
        ASSERT_EQ(program.weights[lane][to + 162], random.block.conv2.weight[from]);
      }
  for (size_t i = 0; i < 3; ++i)
    for (size_t c = 0; c < 6; ++c) {
      const size_t first = i * 12 + c, second = first + 6;
      ASSERT_EQ(program.scale[first], random.block.norm1.scale[i * 6 + c]);
      ASSERT_EQ(program.scale[second], random.block.norm2.scale[i * 6 + c]);
      ASSERT_EQ(program.shift[first], random.block.norm1.shift[i * 6 + c]);
      ASSERT_EQ(program.shift[second], random.block.norm2.shift[i * 6 + c]);
      for (size_t k = 0; k < 9; ++k) {
        ASSERT_EQ(program.time_bias[first * 9 + k], random.block.conv1.time_bias[(i * 6 + c) * 9 + k]);
        ASSERT_EQ(program.time_bias[second * 9 + k], random.block.conv2.time_bias[(i * 6 + c) * 9 + k]);
      }
    }
}

class CompilerRefuses : public ::testing::Test {
 protected:
  RandomBlock random{{.channels = 4, .executions = 2}, 3};
  fixed::Block& block = random.block;
  fixed::Formats& formats = random.formats;
};

TEST_F(CompilerRefuses, OtherMacs) {
  for (int macs : {-8, 0, 1, 12, 24, 128})
    EXPECT_ERROR(compile(block, formats, macs), std::to_string(macs), "8, 16, 32, 64");
}

TEST_F(CompilerRefuses, ChannelsThatAreNoMultipleOfTheLanes) {
  EXPECT_NO_THROW(compile(block, formats, 32));
  EXPECT_ERROR(compile(block, formats, 64), "layer3_2.0", "4 channels", "8 at a time", "fewer");
}

TEST_F(CompilerRefuses, ResidualBlocks) {
  block.ode = false;
  EXPECT_ERROR(compile(block, formats, 16), "layer3_2.0", "residual block", "ODEBlocks with maps 8 pixels wide");
}

TEST_F(CompilerRefuses, Strides) {
  block.conv1.stride = 2;
  EXPECT_ERROR(compile(block, formats, 16), "stride 2");
}

TEST_F(CompilerRefuses, OtherSizes) {
  block.width = 16;
  EXPECT_ERROR(compile(block, formats, 16), "16 pixels wide", "8 pixels wide");
  block.width = 8;
  block.height = 1;
  EXPECT_ERROR(compile(block, formats, 16), "1 row");
}

TEST_F(CompilerRefuses, OtherFormats) {
  formats.activation.width = 24;
  EXPECT_ERROR(compile(block, formats, 16), "activations have 24 bits");
  formats.activation.width = 32;
  formats.weight.width = 26;
  EXPECT_ERROR(compile(block, formats, 16), "weights have 26", "25");
}

TEST_F(CompilerRefuses, WeightsOutOfTheirFormat) {
  block.conv2.weight[2 * 36 + 5] = 1 << 24;
  EXPECT_ERROR(compile(block, formats, 16), "layer3_2.0.conv2", "16777216", "channel 2", "25 bits");
}

TEST(Compiler, RefusesWeightsThatBreakTheAccumulatorProof) {
  RandomBlock random({.channels = 8}, 4);
  // The bound: sum |w| = 1,073,750,016. 64 weights of 2^24 - 1 and one more are just below and just above.
  auto& weight = random.block.conv2.weight;
  std::fill(weight.begin(), weight.begin() + 72, 0);
  std::fill(weight.begin(), weight.begin() + 64, (1 << 24) - 1);
  weight[64] = 1073750016 - 64 * ((1 << 24) - 1);
  EXPECT_NO_THROW(compile(random.block, random.formats, 16));
  ++weight[64];
  EXPECT_ERROR(compile(random.block, random.formats, 16), "layer3_2.0.conv2", "channel 0", "1024");
}

TEST_F(CompilerRefuses, InconsistentBlocks) {
  block.norm2.shift.pop_back();
  EXPECT_ERROR(compile(block, formats, 16), "shifts", "7, expected 8");
  block.norm2.shift.push_back(0);
  block.conv1.time_bias.clear();
  EXPECT_ERROR(compile(block, formats, 16), "time biases", "0, expected 72");
}

}  // namespace
}  // namespace odenet::engine
