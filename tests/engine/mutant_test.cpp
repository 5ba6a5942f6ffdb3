// Single faults in the RTL: each must be found by the random programs that the engine passes without it, in Icarus.
// What they cannot find nothing guards.
#include <gtest/gtest.h>

#include "fixed/formats_text.h"
#include "program_bench.h"
#include "random_program.h"
#include "support/engine_network.h"

namespace odenet::engine {
namespace {

using testing::ProgramBench;
using testing::RandomProgram;

constexpr Lanes kLanes{.oc = 2, .px = 4};
constexpr int kPrograms = 40, kImages = 2;

struct Mutant {
  const char* name;
  const char* file;
  const char* original;  // occurs once
  const char* fault;
  bool narrow = false;  // found by programs of 24-bit activations and 18-bit weights, on lanes of one DSP
};

void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.file << ": " << mutant.fault; }

// The programs run until one fails; returns how many passed.
int programs_passed(ProgramBench& bench, bool narrow) {
  const fixed::Formats formats = narrow ? fixed::formats_from("24.19", "18.14") : fixed::Formats();
  for (int seed = 0; seed < kPrograms; ++seed) {
    RandomProgram random(kLanes, static_cast<uint32_t>(seed), formats);
    bench.prepare(random.program, random.images(kImages), kImages);
    if (seed == 0) bench.build_icarus();
    try {
      if (bench.run({"vvp", "icarus"}).find(bench.expected()) == std::string::npos) return seed;
      // After a reset in mid-run, with pauses.
      const int64_t half = cycles(random.program).load + cycles(random.program).compute / 2;
      bench.run({"vvp", "icarus"}, {"+stalls", fmt::format("+seed={}", seed), fmt::format("+reset_after={}", half)});
    } catch (const Error&) {
      return seed;
    }
  }
  return kPrograms;
}

class Mutants : public ::testing::TestWithParam<Mutant> {};

TEST_P(Mutants, IsFound) {
  SKIP_WITHOUT("iverilog");
  const Mutant& mutant = GetParam();
  ProgramBench bench;
  std::string text(hardware_files().at(mutant.file));
  const size_t at = text.find(mutant.original);
  ASSERT_NE(at, std::string::npos) << mutant.original;
  ASSERT_EQ(text.find(mutant.original, at + 1), std::string::npos) << mutant.original << " occurs twice";
  bench.write(mutant.file, text.replace(at, std::string(mutant.original).size(), mutant.fault));
  const int passed = programs_passed(bench, mutant.narrow);
  EXPECT_LT(passed, kPrograms);
  RecordProperty("found_by_program", passed);
}

constexpr Mutant kMutants[] = {
    {"RoundsDown", "rtl/requantize.v", "addend, 1'b1};", "addend, 1'b0};"},
    {"SaturatesToTheOtherEnd", "rtl/requantize.v", "{!sum[SUM_WIDTH-1]}", "{sum[SUM_WIDTH-1]}"},
    {"ForgetsSaturations", "rtl/requantize.v", "clipped <= overflow;", "clipped <= 1'b0;"},
    {"TakesTheLowPartAsSigned", "rtl/mac_lane.v", "{1'b0, wide[16:0]}", "{wide[16], wide[16:0]}"},
    {"KeepsTheOldHighSum", "rtl/mac_lane.v", "(restart ? 48'sd0 : sum_high)", "sum_high"},
    {"JoinsProductsABitTooHigh", "rtl/multiplier.v", "lower >>> 7", "lower >>> 6"},
    {"LosesTheSignOfTheLowSum", "rtl/write_back.v", "sum_low >>> 17", "sum_low >> 17"},
    {"HasNoRightBorder", "rtl/write_back.v", "left ? 0 : right ? 2 : 1", "left ? 0 : 1"},
    {"AlwaysRectifies", "rtl/write_back.v", "relu && out_s13[WIDTH-1]", "out_s13[WIDTH-1]"},
    {"AddsOneChannelTooMany", "rtl/write_back.v", "channel_s0 < old_channels", "channel_s0 <= old_channels"},
    {"TakesOldNeighbours", "rtl/write_back.v", "old_stride2 ? sum_pixel << 1 : sum_pixel;", "sum_pixel;"},
    {"MovesOldLanesByTheOutputsPlane", "rtl/write_back.v", "(old_stride2 ? plane << 2 : plane)", "plane"},
    {"StepsTheTableWhileCombining", "rtl/write_back.v", "if (!combine || (online && last_of_channel)) table_s0",
     "table_s0"},
    {"KeepsSelectingAfterReset", "rtl/write_back.v", "      selecting <= 1'b0;\n      valid <= 0;",
     "      valid <= 0;"},
    {"SkipsTheBottomRowWithStride2", "rtl/walker.v", "last_row && !stride2 && !pointwise", "last_row && !pointwise"},
    {"WaitsACycleTooShort", "rtl/walker.v", "PAUSE = WRITE_BACK - 3,", "PAUSE = WRITE_BACK - 4,"},
    {"SeesBeyondTheRightBorder", "rtl/walker.v", "(column == 0 ? first_word : column == 2 && last_word && !stride2)",
     "(column == 0 && first_word)"},
    {"ClassesRowsWrongly", "rtl/walker.v", "(first_row ? 0 : last_row ? 6 : 3)", "(first_row ? 0 : 3)"},
    {"MovesOldGroupsByTheOutputsPlane", "rtl/walker.v", "(depthwise ? old_plane : old_plane << OC_BITS)",
     "(depthwise ? plane : plane << OC_BITS)"},
    {"DoesNotMoveDepthwiseInputs", "rtl/walker.v", "depthwise ? group_address + in_plane : group_address",
     "group_address"},
    {"MixesColumnsOfStride2", "rtl/window.v", "third && stride2 ? even : right", "right"},
    {"MovesInTheWrongPixel", "rtl/window.v", "top <= stride2 ? word[PX_LANES*WIDTH-1-:WIDTH] : first",
     "top <= stride2 ? word[0+:WIDTH] : first"},
    {"ReadsBeforeTheRow", "rtl/window.v", "neighbour <= outside ? {WIDTH{1'b0}} : word", "neighbour <= word"},
    {"KeepsTheTableOffset", "rtl/sequencer.v", "            table_offset_next = 0;\n", ""},
    {"RunsLoopsOnceMore", "rtl/sequencer.v", "iteration + 1'b1 == count", "iteration == count"},
    {"LoadsToTheBeginning", "rtl/loader.v", "write_address <= base;", "write_address <= 0;"},
    {"WithdrawsAWord", "rtl/storer.v", "else if (word_end) m_axis_tvalid", "else if (m_axis_tvalid) m_axis_tvalid"},
    {"CountsOneSaturationOfTwo", "rtl/counters.v", "{29'd0, clips}", "{31'd0, clips[0]}"},
    {"AddsFromTheSourceMap", "rtl/engine.v", ".old_word(source ? map_word_0 : map_word_1)",
     ".old_word(source ? map_word_1 : map_word_0)"},
    {"DrawsRootsTooLarge", "rtl/isqrt.v", "- {1'b0, trial}", "- {1'b0, trial} + 1'b1"},
    {"RoundsNegativeHalvesDown", "rtl/divide.v", "digits[0] && (!sign || rest != 0)", "digits[0]"},
    {"LosesAnOverflowingQuotient", "rtl/divide.v", "overflow <= 1'b1", "overflow <= 1'b0"},
    {"SumsAllChannelsIntoOne", "rtl/moments.v", "(first ? 80'd0 : previous[127:48])",
     "(first ? 80'd0 : totals[127:48])"},
    {"AddsTheSumBeforeTheFirstWord", "rtl/moments.v", "(first ? 48'd0 : previous[47:0])", "previous[47:0]"},
    {"ForgetsEpsilon", "rtl/moments.v", "first_pixel ? WORD_EPSILON", "first_pixel ? 66'd0"},
    {"AddsTheSquaredSum", "rtl/online_norm.v", "      subtract <= 1'b1;", "      subtract <= 1'b0;"},
    {"TakesTheSignOfGammaForTheMean", "rtl/online_norm.v", "mean_start ? sum_negative : gamma[31]", "gamma[31]"},
    {"ForgetsSaturatedScales", "rtl/online_norm.v", "found && divide_clipped", "1'b0"},
    {"TakesGammaOfTheFirstChannel", "rtl/online_norm.v",
     "table_base + {{(TABLE_ADDRESS_WIDTH - CHANNEL_WIDTH) {1'b0}}, channel}", "table_base"},
    {"StartsNormsTooEarly", "rtl/online_norm.v", "total_valid && total_last", "total_valid"},
    {"SubtractsTheMeanAndOne", "rtl/write_back.v", "(online ? BEHIND_THE_POINT : {EXACT_WIDTH{1'b0}})",
     "{EXACT_WIDTH{1'b0}}"},
    {"KeepsTheFirstMean", "rtl/write_back.v", "if (last_of_channel) norm_channel_s0 <= norm_channel_s0 + 1'b1;", ""},
    {"CountsSaturatedSquares", "rtl/write_back.v", "y_clipped && !summing", "y_clipped"},
    {"DoesNotWaitForNorms", "rtl/engine.v", "write_back_busy || norm_busy;", "write_back_busy;"},
    {"FinishesACycleTooEarly", "rtl/engine.v", ".finish(last_at[7])", ".finish(last_at[6])"},
    {"KeepsTheOldSum", "rtl/mac_lane.v", "(restart ? 48'sd0 : total)", "total", true},
    {"RoundsDepthwiseSumsTwice", "rtl/write_back.v", "sum_s3 & ~HALF", "sum_s3", true},
    {"RoundsActivationsDown", "rtl/requantize.v", "1 << (BELOW - 1)", "0", true},
    {"AddsTheChannelBefore", "rtl/write_back.v", "(first_of_channel_s2 ? {(WIDTH + POOL_BITS) {1'b0}} : pool_s3)",
     "pool_s3"},
    {"GivesEveryWordOfAnAverageAPlace", "rtl/write_back.v", "if (!pooling || last_of_channel) map_s0", "map_s0"},
    {"RoundsAveragesTwice", "rtl/write_back.v", "depthwise || pooling ? sum_s3 & ~HALF", "depthwise ? sum_s3 & ~HALF",
     true},
    {"ScalesSingleValues", "rtl/write_back.v", "unscaled ? c_word : pushed", "pushed"},
    {"CountsEveryPixelOfASingleValue", "rtl/write_back.v", " && !(unscaled && !last_pixel_s5)", ""},
    {"SendsSingleValuesAsPixels", "rtl/storer.v", "(single || pixel ==", "(pixel =="},
    {"LosesTheUpperHalfOfSingleValues", "rtl/storer.v", "single ? word[31:WIDTH] : sign", "sign", true},
    {"LosesSignsInTheStream", "rtl/storer.v", "{(32 - WIDTH) {word[WIDTH-1]}}", "{(32 - WIDTH) {1'b0}}", true},
};

INSTANTIATE_TEST_SUITE_P(Rtl, Mutants, ::testing::ValuesIn(kMutants),
                         [](const auto& info) { return std::string(info.param.name); });

// Without a fault all of them pass.
TEST(Rtl, HasNoFaultThatTheMutantsProgramsFind) {
  SKIP_WITHOUT("iverilog");
  for (const bool narrow : {false, true}) {
    ProgramBench bench;
    EXPECT_EQ(programs_passed(bench, narrow), kPrograms);
  }
}

}  // namespace
}  // namespace odenet::engine
