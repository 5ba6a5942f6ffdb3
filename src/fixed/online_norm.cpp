#include "fixed/online_norm.h"

#include <algorithm>
#include <cmath>

#include "spec/network_spec.h"

namespace odenet::fixed {

int64_t online_epsilon(Format sum) {
  return std::max<int64_t>(1, std::llround(std::ldexp(kNormEpsilon, 2 * sum.fraction)));
}

Unsigned96 scaled_variance(const Moments& moments, int pixels, int64_t epsilon) {
  constexpr uint64_t kMask = 0xffffffff;
  const auto n = static_cast<uint64_t>(pixels), offset = n * static_cast<uint64_t>(epsilon);
  // n Q, with the carries of both parts
  const uint64_t low = moments.squares_low + (offset & kMask);
  const uint64_t high = moments.squares_high + (offset >> 32) + (low >> 32);
  const uint64_t n_low = n * (low & kMask), n_high = n * high + (n_low >> 32);
  // S^2
  const auto s = static_cast<uint64_t>(std::abs(moments.sum)), s1 = s >> 32, s0 = s & kMask;
  const uint64_t square_low = s0 * s0, square_high = ((s1 * s1) << 32) + 2 * s1 * s0 + (square_low >> 32);
  const uint64_t borrow = (n_low & kMask) < (square_low & kMask);
  return {n_high - square_high - borrow, static_cast<uint32_t>(n_low - square_low)};
}

// Digit by digit, two bits of the value for one of the root, as hw/rtl/isqrt.v.
uint64_t isqrt(Unsigned96 value) {
  uint64_t root = 0, rest = 0;
  for (int digit = 47; digit >= 0; --digit) {
    const uint64_t pair = digit >= 16 ? value.high >> (2 * digit - 32) : uint64_t{value.low} >> (2 * digit);
    rest = rest << 2 | (pair & 3);
    const uint64_t trial = root << 2 | 1;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1;
    }
  }
  return root;
}

int64_t divide_scaled_half_up(int64_t value, int shift, uint64_t divisor) {
  constexpr int kStep = 15;  // remainders have 48 bits
  const auto magnitude = static_cast<uint64_t>(std::abs(value));
  uint64_t quotient = magnitude / divisor, rest = magnitude % divisor;
  while (shift > 0) {
    const int step = std::min(shift, kStep);
    rest <<= step;
    quotient = (quotient << step) + rest / divisor;
    rest %= divisor;
    shift -= step;
  }
  if (value < 0 ? 2 * rest > divisor : 2 * rest >= divisor) ++quotient;
  return value < 0 ? -static_cast<int64_t>(quotient) : static_cast<int64_t>(quotient);
}

OnlineScale online_scale(const Moments& moments, int pixels, int32_t gamma, Format sum, Format scale,
                         int64_t* saturations) {
  const uint64_t root = isqrt(scaled_variance(moments, pixels, online_epsilon(sum)));
  const int64_t quotient = divide_scaled_half_up(int64_t{gamma} * pixels, sum.fraction, root);
  return {static_cast<int32_t>(divide_half_up(moments.sum, pixels)), saturate(quotient, scale, saturations)};
}

}  // namespace odenet::fixed
