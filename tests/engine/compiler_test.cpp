#include "engine/compiler.h"

#include <gtest/gtest.h>

#include "engine/requirements.h"
#include "engine/resources.h"
#include "fixed/formats_text.h"
#include "random_block.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using testing::RandomBlock;

TEST(Compiler, WritesTheProgramOfAnOdeBlock) {
  const RandomBlock random({.channels = 6, .height = 5, .executions = 3}, 1);
  const Program program = compile(random.block, random.formats, 16);
  ASSERT_EQ(program.instructions.size(), 6u);
  EXPECT_EQ(describe(program.instructions[0]), "load destination=1 count=30");
  EXPECT_EQ(describe(program.instructions[1]),
            "convolve destination=2 relu=1 in_channels=6 count=3 rows=5 row_words=1 plane=5");
  EXPECT_EQ(describe(program.instructions[2]),
            "convolve source=1 destination=1 add=1 in_channels=6 count=3 rows=5 row_words=1 plane=5 old_channels=6 "
            "weight=162 table=6");
  EXPECT_EQ(describe(program.instructions[3]), "loop count=3 target=1 table=12");
  EXPECT_EQ(describe(program.instructions[4]), "store count=30");
  EXPECT_EQ(describe(program.instructions[5]), "end");
  EXPECT_EQ(program.input.size(), 6 * 5 * 8);
  EXPECT_EQ(program.parameters.macs(), 16);
  EXPECT_EQ(program.parameters.map_words[1], 30);
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

// A residual block of stride 2 keeps its input until the shortcut has been added.
TEST(Compiler, PutsTheOutputOfAStride2BlockBehindItsInput) {
  const RandomBlock random(
      {.channels = 4, .height = 8, .executions = 1, .width = 16, .ode = false, .stride = 2, .in_channels = 2}, 1);
  const Program program = compile(random.block, random.formats, Lanes{2, 8});
  EXPECT_EQ(program.input, (MapShape{2, 8, 16}));
  EXPECT_EQ(program.output, (MapShape{4, 4, 8}));
  ASSERT_EQ(program.instructions.size(), 5u);
  EXPECT_EQ(describe(program.instructions[1]),
            "convolve destination=2 relu=1 stride2=1 in_channels=2 count=2 rows=4 row_words=1 plane=4");
  EXPECT_EQ(describe(program.instructions[2]),
            "convolve source=1 destination=1 relu=1 add=1 old_stride2=1 in_channels=4 count=2 rows=4 row_words=1 "
            "plane=4 old_channels=2 destination_base=32 weight=36 table=4");
  EXPECT_EQ(describe(program.instructions[3]), "store count=16 source_base=32");
  EXPECT_EQ(program.parameters.map_words[0], 32 + 16);
  EXPECT_EQ(program.parameters.map_words[1], 16);
  // Kernel columns in the order 0, 2, 1.
  for (size_t tap : {0u, 1u, 2u}) EXPECT_EQ(program.weights[0][tap], random.block.conv1.weight[tap == 0 ? 0 : 3 - tap]);
}

// Both maps hold the input of a short skip: one is read by the convolution, the other one by the sum.
TEST(Compiler, LoadsTheInputOfAShortSkipIntoBothMaps) {
  const RandomBlock random({.channels = 4, .height = 8, .executions = 1, .ode = false, .skip = Skip::kShort}, 1);
  const Program program = compile(random.block, random.formats, 16);
  EXPECT_EQ(describe(program.instructions[0]), "load destination=3 count=32");
  EXPECT_EQ(program.instructions[1].add, 1u);
  EXPECT_EQ(program.instructions[2].add, 0u);
}

TEST(Compiler, ChoosesAsManyPixelLanesAsTheRowsAllow) {
  RandomBlock random({.channels = 4}, 1);
  const auto lanes = [&](int macs, int width) {
    random.block.width = width;
    return choose_lanes(random.block, macs);
  };
  EXPECT_EQ(lanes(1, 8), (Lanes{1, 1}));
  EXPECT_EQ(lanes(4, 8), (Lanes{1, 4}));
  EXPECT_EQ(lanes(64, 32), (Lanes{8, 8}));
  EXPECT_EQ(lanes(16, 14), (Lanes{8, 2}));
  EXPECT_EQ(lanes(8, 7), (Lanes{8, 1}));
}

class CompilerRefuses : public ::testing::Test {
 protected:
  RandomBlock random{{.channels = 4, .executions = 2}, 3};
  fixed::Block& block = random.block;
  fixed::Formats& formats = random.formats;
};

TEST_F(CompilerRefuses, OtherMacs) {
  for (int macs : {-8, 0, 3, 12, 24, 512})
    EXPECT_ERROR(compile(block, formats, macs), std::to_string(macs), "1, 2, 4, 8, 16, 32, 64");
  for (Lanes lanes : {Lanes{3, 8}, {1, 16}, {0, 1}, {128, 1}})
    EXPECT_ERROR(compile(block, formats, lanes), fmt::format("{} x {} multiply", lanes.oc, lanes.px),
                 "1, 2, 4 or 8 pixels");
}

TEST_F(CompilerRefuses, ChannelsThatAreNoMultipleOfTheLanes) {
  EXPECT_NO_THROW(compile(block, formats, 32));
  EXPECT_ERROR(compile(block, formats, 64), "layer3_2.0", "4 channels", "8 at a time", "fewer");
}

TEST(Compiler, RefusesMoreDspsThanTheDeviceHas) {
  const RandomBlock wide({.channels = 64}, 1), narrow({.channels = 64, .activations = "16.9", .weights = "16.12"}, 1);
  EXPECT_ERROR(compile(wide.block, wide.formats, 128), "128 multiply", "260 DSPs", "220", "XC7Z020", "fewer");
  EXPECT_NO_THROW(compile(wide.block, wide.formats, 128, kXczu7ev));
  EXPECT_EQ(dsps(compile(narrow.block, narrow.formats, 128).parameters), 132);
}

TEST_F(CompilerRefuses, RowsThatAreNoMultipleOfTheLanes) {
  block.width = 12;
  EXPECT_ERROR(compile(block, formats, Lanes{1, 8}), "rows of 12 pixels", "8 at a time", "fewer");
}

TEST(Compiler, RefusesOddSizesWithStride2) {
  const RandomBlock random({.channels = 4, .height = 7, .executions = 1, .ode = false, .stride = 2}, 1);
  EXPECT_ERROR(compile(random.block, random.formats, 4), "7 x 8", "stride 2", "even");
}

TEST(Compiler, RefusesMemoriesLargerThanTheDevice) {
  const RandomBlock random({.channels = 8, .height = 128, .executions = 1, .width = 128}, 1);
  EXPECT_ERROR(compile(random.block, random.formats, 8), "layer3_2.0", "block RAMs", "140", "XC7Z020");
}

TEST_F(CompilerRefuses, NarrowScalesOfInstanceNorms) {
  block.norm = NormKind::kInstance;
  formats.scale.width = 30;
  EXPECT_ERROR(compile(block, formats, 16), "layer3_2.0", "instance norms", "32 bits");
}

TEST_F(CompilerRefuses, FormatsThatNoEngineHas) {
  const auto refuse = [&](const std::string& activations, const std::string& weights, const std::string& why) {
    formats = fixed::formats_from(activations, weights);
    EXPECT_ERROR(compile(block, formats, 16), "layer3_2.0", why);
  };
  refuse("7.3", "8.4", "activations have 7 bits");
  refuse("32.20", "26.20", "weights have 26");
  refuse("32.20", "7.5", "weights have 7");
  refuse("16.9,layer3_2=16.8", "16.12", "formats of single layers");
  refuse("16.9", "16.12,fc=18.12", "formats of single layers");
  refuse("24.21", "18.12", "at least the activations' fraction");
  refuse("16.16", "18.12", "a fraction below their width");
  formats = fixed::formats_from("16.9", "16.12");
  formats.sum->width = 24;
  EXPECT_ERROR(compile(block, formats, 16), "sums have 24 bits");
  block.norm = NormKind::kInstance;
  refuse("16.9", "16.12", "instance norms");
}

TEST(Compiler, RefusesValuesThatTheSumsDoNotHold) {
  const RandomBlock separable({.channels = 4, .separable = true, .activations = "24.12", .weights = "18.12"}, 3);
  EXPECT_ERROR(compile(separable.block, separable.formats, 16), "do not fit sums", "Q12 in 24 bits");
  const RandomBlock plain({.channels = 4, .activations = "24.12", .weights = "18.12"}, 3);
  EXPECT_NO_THROW(compile(plain.block, plain.formats, 16));
}

TEST(Compiler, TakesOneDspALaneWhereTheProofAllowsIt) {
  const auto dsps_of = [](const char* activations, const char* weights) {
    const RandomBlock random({.channels = 8, .activations = activations, .weights = weights}, 3);
    return dsps(compile(random.block, random.formats, 16).parameters);
  };
  EXPECT_EQ(dsps_of("16.9", "16.12"), 16 + 4);
  EXPECT_EQ(dsps_of("25.16", "18.12"), 16 + 4);
  EXPECT_EQ(dsps_of("18.10", "25.20"), 16 + 4);
  EXPECT_EQ(dsps_of("19.10", "19.10"), 32 + 4);
  EXPECT_EQ(dsps_of("32.20", "8.6"), 32 + 4);

  // sum |w| * 2^24 < 2^47: 64 weights of 2^17 are one too many.
  RandomBlock random({.channels = 8, .activations = "25.16", .weights = "18.12"}, 3);
  auto& weight = random.block.conv1.weight;
  std::fill(weight.begin(), weight.begin() + 72, 0);
  std::fill(weight.begin(), weight.begin() + 64, -(1 << 17));
  EXPECT_EQ(compile(random.block, random.formats, 16).parameters.mac_dsps, 2);
  ++weight[0];
  EXPECT_EQ(compile(random.block, random.formats, 16).parameters.mac_dsps, 1);
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

// Where one DSP does not hold the sums of activations of at most 17 bits, two do not either: their low part has 17 bits
// without a sign, whatever the width (mac_lane_tb.v shows both bounds).
TEST(Compiler, RefusesNarrowActivationsThatNeitherOneDspNorTwoHold) {
  RandomBlock random({.channels = 32, .activations = "16.9", .weights = "25.20"}, 4);
  auto& weight = random.block.conv2.weight;
  std::fill(weight.begin(), weight.begin() + 288, 0);
  std::fill(weight.begin(), weight.begin() + 256, (1 << 24) - 1);
  weight[256] = 255;  // 2^32 - 1
  EXPECT_EQ(compile(random.block, random.formats, 16).parameters.mac_dsps, 1);
  weight[256] = 512;
  EXPECT_ERROR(compile(random.block, random.formats, 16), "layer3_2.0.conv2", "channel 0", "1073750016");
  EXPECT_EQ(lane_bound({16, 9}, 1), 4294967295);
  for (const int width : {8, 16, 17, 18, 32}) EXPECT_EQ(lane_bound({width, 4}, 2), 1073750016) << width;
}

TEST_F(CompilerRefuses, InconsistentBlocks) {
  block.norm2.shift.pop_back();
  EXPECT_ERROR(compile(block, formats, 16), "shifts", "layer3_2.0.conv2", "7, expected 8");
  block.norm2.shift.push_back(0);
  block.conv1.time_bias.clear();
  EXPECT_ERROR(compile(block, formats, 16), "time biases", "0, expected 72");
}

}  // namespace
}  // namespace odenet::engine
