// RC_PARAMS="max_success=1000000" runs a million cases of each property.
#include "fixed/online_norm.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

#include "fixed/naive_block.h"
#include "fixed/norm_kernels.h"

namespace odenet::fixed {
namespace {

using testing::Wide;

constexpr Format kQ20{32, 20};

Unsigned96 split(Wide value) { return {static_cast<uint64_t>(value >> 32), static_cast<uint32_t>(value)}; }
Wide join(Unsigned96 value) { return (Wide{1} << 32) * value.high + value.low; }

// Of so many bits, chosen evenly, so that all magnitudes occur.
Wide any_bits(int most) {
  const int bits = *rc::gen::inRange(0, most + 1);
  const Wide value = Wide{*rc::gen::arbitrary<uint32_t>()} << 64 | Wide{*rc::gen::arbitrary<uint32_t>()} << 32 |
                     *rc::gen::arbitrary<uint32_t>();
  return value & ((Wide{1} << bits) - 1);
}

void expect_root(Wide value) {
  const Wide root = static_cast<Wide>(isqrt(split(value)));
  EXPECT_TRUE(root * root <= value && value < (root + 1) * (root + 1)) << static_cast<double>(value);
}

TEST(Isqrt, AroundSquares) {
  for (uint64_t root = 0; root < (uint64_t{1} << 48); root = root * 2 + root % 3 + 1) {
    const Wide square = Wide{root} * root;
    expect_root(square);
    expect_root(square + 2 * Wide{root});
    if (root > 0) expect_root(square - 1);
  }
  EXPECT_EQ(isqrt({~uint64_t{0}, ~uint32_t{0}}), (uint64_t{1} << 48) - 1);
}

RC_GTEST_PROP(Isqrt, IsTheLargestIntegerWhoseSquareFits, ()) {
  const Wide value = any_bits(96), root = static_cast<Wide>(isqrt(split(value)));
  RC_ASSERT(root * root <= value);
  RC_ASSERT(value < (root + 1) * (root + 1));
}

RC_GTEST_PROP(DivideScaled, IsTheNearestIntegerAndTheUpperOfTwo, (bool negative, bool tie)) {
  const int shift = *rc::gen::inRange(0, 32);
  Wide value = any_bits(47), divisor = std::max<Wide>(1, any_bits(48));
  if (tie) divisor = std::max<Wide>(2, divisor / 2 * 2), value = divisor / 2 * (1 + 2 * (value % 1000)) >> shift;
  if (negative) value = -value;
  RC_PRE((value < 0 ? -value : value) * (Wide{1} << shift) / divisor < Wide{1} << 62);
  const Wide quotient = divide_scaled_half_up(static_cast<int64_t>(value), shift, static_cast<uint64_t>(divisor));
  const Wide difference = 2 * (quotient * divisor - value * (Wide{1} << shift));
  RC_ASSERT(difference > -divisor);
  RC_ASSERT(difference <= divisor);
}

RC_GTEST_PROP(ScaledVariance, IsExact, (bool extreme, int64_t epsilon_bits)) {
  const std::vector<int32_t> values = *rc::gen::container<std::vector<int32_t>>(
      extreme ? rc::gen::element(INT32_MIN, INT32_MAX) : rc::gen::arbitrary<int32_t>());
  RC_PRE(!values.empty());
  const int64_t epsilon = epsilon_bits & ((int64_t{1} << 46) - 1);
  Moments moments;
  const Wide n = static_cast<Wide>(values.size());
  Wide sum = 0, squares = 0;
  for (const int32_t c : values) {
    moments.add(c);
    sum += c;
    squares += Wide{c} * c + epsilon;
  }
  RC_ASSERT(join(scaled_variance(moments, static_cast<int>(n), epsilon)) == n * squares - sum * sum);
}

// The widths of the header, at the most pixels: half of them the smallest number, half the largest.
TEST(OnlineScale, WidthsSuffice) {
  Moments moments;
  for (int i = 0; i < kMaxOnlinePixels; ++i) moments.add(i % 2 == 0 ? INT32_MIN : INT32_MAX);
  const int64_t epsilon = online_epsilon({32, 31});
  EXPECT_LT(epsilon, int64_t{1} << 46);
  const Wide n = kMaxOnlinePixels, low = INT32_MIN, high = INT32_MAX;
  const Wide sum = low + n / 2 * (low + high), squares = low * low + n / 2 * (low * low + high * high) + n * epsilon;
  EXPECT_LT(squares, Wide{1} << 79);
  const Wide square = n * squares - sum * sum;
  EXPECT_LT(square, Wide{1} << 95);
  EXPECT_EQ(join(scaled_variance(moments, kMaxOnlinePixels, epsilon)), square);
  int64_t saturations = 0;
  // The deviation is one half of the range, 2^31 units of 2^-31: 1.
  const OnlineScale s = online_scale(moments, kMaxOnlinePixels, INT32_MIN, {32, 31}, {32, 30}, &saturations);
  EXPECT_NEAR(s.scale, -std::pow(2.0, 31), std::pow(2.0, 31) * 1e-5);
  EXPECT_EQ(s.mean, -32769);  // one smallest number more than largest ones: (-2^31 - (n - 1) / 2) / n
}

TEST(OnlineEpsilon, IsNeverZero) {
  EXPECT_EQ(online_epsilon(kQ20), 10995116);
  EXPECT_EQ(online_epsilon({32, 8}), 1);
  EXPECT_EQ(online_epsilon({32, 0}), 1);
}

TEST(OnlineScale, OfAConstantChannelIsThatOfEpsilonAlone) {
  Moments moments;
  for (int i = 0; i < 64; ++i) moments.add(2000 << 20);
  int64_t saturations = 0;
  const OnlineScale s = online_scale(moments, 64, 1 << 20, kQ20, kQ20, &saturations);
  EXPECT_EQ(s.mean, 2000 << 20);
  // The root, 64 * 3315.9, is rounded down by less than one.
  EXPECT_NEAR(s.scale, (1 << 20) / std::sqrt(1e-5), (1 << 20) / std::sqrt(1e-5) / (64 * 3315.0));
  EXPECT_EQ(saturations, 0);
  EXPECT_EQ(online_scale(moments, 64, -(7 << 20), kQ20, kQ20, &saturations).scale, INT32_MIN);
  EXPECT_EQ(saturations, 1);
}

RC_GTEST_PROP(OnlineScale, IsCloseToTheRealNorm, ()) {
  const auto values =
      *rc::gen::suchThat(rc::gen::container<std::vector<int32_t>>(rc::gen::inRange<int32_t>(-(8 << 20), 8 << 20)),
                         [](const auto& v) { return v.size() >= 16; });
  const int32_t gamma = *rc::gen::inRange<int32_t>(-(2 << 20), 2 << 20);
  Moments moments;
  for (const int32_t c : values) moments.add(c);
  const auto n = static_cast<double>(values.size());
  double mean = 0, variance = 0;
  for (const int32_t c : values) mean += kQ20.to_real(c) / n;
  for (const int32_t c : values) variance += std::pow(kQ20.to_real(c) - mean, 2) / n;
  int64_t saturations = 0;
  const OnlineScale s = online_scale(moments, static_cast<int>(values.size()), gamma, kQ20, kQ20, &saturations);
  RC_ASSERT(std::abs(kQ20.to_real(s.mean) - mean) <= 0.51 / (1 << 20));
  // The root, n times the deviation in units, at least 16 * 3315, is rounded down by less than one.
  const double exact = kQ20.to_real(gamma) / std::sqrt(variance + 1e-5), relative = 1 / (16 * 3315.0);
  if (saturations == 0)
    RC_ASSERT(std::abs(kQ20.to_real(s.scale) - exact) <= 0.51 / (1 << 20) + std::abs(exact) * relative);
}

TEST(Normalise, CountsEverySaturationOnce) {
  // Of 16 channels of two pixels: channel 0 saturates as a difference and as a result, channel 1 in the sum alone.
  std::vector<int32_t> map(2 * kernels::kLanes, 0), mean(kernels::kLanes, 0), added(map), output(map);
  std::vector<int32_t> scale(kernels::kLanes, 1 << 20);
  const std::vector<int64_t> offset(kernels::kLanes, (1 << 19) + (int64_t{5} << 20));
  map[0] = INT32_MAX;
  mean[0] = -1;
  added[1] = INT32_MAX;
  const kernels::Finish finish{.norm_shift = 20,
                               .sum_low = INT32_MIN,
                               .sum_high = INT32_MAX,
                               .out_low = INT32_MIN,
                               .out_high = INT32_MAX,
                               .scale = scale.data(),
                               .offset = offset.data(),
                               .added = added.data()};
  const auto count = kernels::normalise(finish, mean.data(), map.data(), 2, kernels::kLanes, output.data());
  EXPECT_EQ(count.norm, 2);
  EXPECT_EQ(count.added, 1);
  EXPECT_EQ(output[0], INT32_MAX);
  EXPECT_EQ(output[1], INT32_MAX);
  EXPECT_EQ(output[2], 5);
  EXPECT_EQ(output[kernels::kLanes], 6);
}

}  // namespace
}  // namespace odenet::fixed
