// RC_PARAMS="max_success=1000000" runs a million cases of each property.
#include "fixed/arithmetic.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace odenet::fixed {
namespace {

constexpr Format kQ20{32, 20};

TEST(RoundHalfUp, Examples) {
  EXPECT_EQ(round_half_up(3, 1), 2);    // 1.5
  EXPECT_EQ(round_half_up(-3, 1), -1);  // -1.5: halves go up
  EXPECT_EQ(round_half_up(-5, 2), -1);  // -1.25
  EXPECT_EQ(round_half_up(-6, 2), -1);  // -1.5
  EXPECT_EQ(round_half_up(-7, 2), -2);  // -1.75
  EXPECT_EQ(round_half_up(-7, 0), -7);
}

RC_GTEST_PROP(RoundHalfUp, IsTheNearestIntegerAndTheUpperOfTwo, ()) {
  const int shift = *rc::gen::inRange(1, 40);
  const int64_t value = *rc::gen::inRange<int64_t>(-(int64_t{1} << 61), int64_t{1} << 61);
  const int64_t unit = int64_t{1} << shift;
  // -1/2 < result - value / unit <= 1/2
  const int64_t difference = round_half_up(value, shift) * unit - value;
  RC_ASSERT(difference > -unit / 2);
  RC_ASSERT(difference <= unit / 2);
}

RC_GTEST_PROP(Align, KeepsTheValueOrRoundsIt, (int32_t value)) {
  const int from = *rc::gen::inRange(0, 32), to = *rc::gen::inRange(0, 32);
  const int64_t aligned = align(value, from, to);
  if (to >= from)
    RC_ASSERT(aligned == int64_t{value} * (int64_t{1} << (to - from)));
  else
    RC_ASSERT(aligned == round_half_up(value, from - to));
  RC_ASSERT(align(align(value, from, 31), 31, from) == value);
}

RC_GTEST_PROP(DivideHalfUp, IsTheNearestIntegerAndTheUpperOfTwo, ()) {
  const int64_t count = *rc::gen::inRange<int64_t>(1, 5000);
  const int64_t sum = *rc::gen::inRange<int64_t>(-(int64_t{1} << 45), int64_t{1} << 45);
  const int64_t difference = 2 * (divide_half_up(sum, count) * count - sum);
  RC_ASSERT(difference > -count);
  RC_ASSERT(difference <= count);
}

RC_GTEST_PROP(DivideHalfUp, EqualsRoundingForPowersOfTwo, (int32_t sum)) {
  const int shift = *rc::gen::inRange(0, 12);
  RC_ASSERT(divide_half_up(sum, int64_t{1} << shift) == round_half_up(sum, shift));
}

RC_GTEST_PROP(Saturate, ClampsAndCounts, (int64_t value)) {
  const Format format{*rc::gen::inRange(2, 33), 0};
  int64_t saturations = 0;
  const int32_t result = saturate(value, format, &saturations);
  RC_ASSERT(format.contains(result));
  if (format.contains(value)) {
    RC_ASSERT(result == value && saturations == 0);
  } else {
    RC_ASSERT(result == (value < 0 ? format.min() : format.max()) && saturations == 1);
  }
}

TEST(ToFixed, RoundsHalfUpAndRefusesWhatDoesNotFit) {
  EXPECT_EQ(to_fixed(1.0, kQ20), 1 << 20);
  EXPECT_EQ(to_fixed(0.5 / (1 << 20), kQ20), 1);
  EXPECT_EQ(to_fixed(-0.5 / (1 << 20), kQ20), 0);
  EXPECT_EQ(to_fixed(-2048, kQ20), INT32_MIN);
  EXPECT_EQ(to_fixed(2048, kQ20), std::nullopt);
  EXPECT_EQ(to_fixed(kQ20.to_real(INT32_MAX), kQ20), INT32_MAX);
  EXPECT_EQ(to_fixed(std::nan(""), kQ20), std::nullopt);
  EXPECT_EQ(to_fixed(-INFINITY, kQ20), std::nullopt);
}

TEST(BitsNeeded, Examples) {
  EXPECT_EQ(bits_needed(0, 0), 1);
  EXPECT_EQ(bits_needed(-1, 0), 1);
  EXPECT_EQ(bits_needed(0, 1), 2);
  EXPECT_EQ(bits_needed(-128, 127), 8);
  EXPECT_EQ(bits_needed(-129, 0), 9);
  EXPECT_EQ(bits_needed(INT32_MIN, INT32_MAX), 32);
}

RC_GTEST_PROP(Split, JoinsToTheSameValue, (int32_t value)) {
  const Format format{*rc::gen::inRange(2, 33), 0};
  const int32_t x = static_cast<int32_t>(value >> (32 - format.width));
  const int32_t low = low_part(x, format), high = high_part(x, format);
  RC_ASSERT(low >= 0 && low < (1 << low_bits(format)));
  RC_ASSERT(bits_needed(high, high) <= format.width - low_bits(format));
  RC_ASSERT((int64_t{high} << low_bits(format)) + low == x);
}

TEST(AccumulatorBound, IsReachedAndIsTheLargest) {
  constexpr int64_t kLargest = (int64_t{1} << 47) - 1;
  for (int width = 2; width <= 32; ++width) {
    const Format format{width, 0};
    const int64_t bound = accumulator_bound(format);
    const int64_t low = (int64_t{1} << low_bits(format)) - 1;           // the largest low part
    const int64_t high = int64_t{1} << (width - low_bits(format) - 1);  // the largest magnitude of a high part
    EXPECT_LE(bound * low, kLargest) << width;
    EXPECT_LE(bound * high, kLargest) << width;
    EXPECT_TRUE((bound + 1) * low > kLargest || (bound + 1) * high > kLargest) << width;
  }
  EXPECT_EQ(accumulator_bound(kQ20), 1073750016);
}

}  // namespace
}  // namespace odenet::fixed
