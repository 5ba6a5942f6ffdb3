// The online norm in exact integers: mean and variance are those of the image at hand, of the n = H x W sums c of one
// channel (NormKind::kInstance, what the ODENet paper's core computes).
//
//   S = sum of c,   Q = sum of (c^2 + epsilon)                  exact
//   mean  = divide_half_up(S, n)                                in format `sum`
//   root  = isqrt(n Q - S^2)                                    n times the deviation sqrt(variance + epsilon)
//   scale = saturate(gamma n 2^(sum.fraction) / root)           gamma / deviation, rounded half up, format of scales
//   y     = saturate(round(saturate(c - mean) * scale + beta))  the affine norm of fixed/arithmetic.h, shift = beta
//
// gamma and beta are the tables `scale` and `shift` of fixed::Norm. That n Q - S^2 = n^2 (variance + epsilon) needs no
// division keeps the variance exact; that the mean is subtracted first keeps channels right whose variance is almost
// zero. The widths, which an engine needs too, for n < 2^kOnlinePixelBits and c of 32 bits:
//   |S| < 2^47,  Q < 2^79,  n Q - S^2 < 2^95,  root < 2^48,  |gamma n| < 2^48,  root >= n, so |scale| <= |gamma| 2^31
//
//   Moments moments;
//   for (int32_t c : channel) moments.add(c);
//   OnlineScale s = online_scale(moments, n, gamma, sum_format, scale_format, &saturations);   // s.mean, s.scale
#pragma once

#include <cstdint>

#include "fixed/arithmetic.h"

namespace odenet::fixed {

inline constexpr int kOnlinePixelBits = 16;
inline constexpr int kMaxOnlinePixels = (1 << kOnlinePixelBits) - 1;

// kNormEpsilon in units of c^2, rounded half up, but at least 1: the root must not be 0. Below 2^46.
int64_t online_epsilon(Format sum);

// high * 2^32 + low, below 2^96.
struct Unsigned96 {
  uint64_t high = 0;
  uint32_t low = 0;
  bool operator==(const Unsigned96&) const = default;
};

struct Moments {
  int64_t sum = 0;
  uint64_t squares_low = 0, squares_high = 0;  // the sum of squares is squares_high * 2^32 + squares_low

  void add(int32_t c) {
    const auto square = static_cast<uint64_t>(int64_t{c} * c);
    sum += c;
    squares_low += square & 0xffffffff;
    squares_high += square >> 32;
  }
};

// n Q - S^2
Unsigned96 scaled_variance(const Moments& moments, int pixels, int64_t epsilon);

// The largest integer whose square is at most `value`.
uint64_t isqrt(Unsigned96 value);

// value * 2^shift / divisor to the nearest integer, halves up. |value| < 2^48, 0 < divisor < 2^48, shift 0 to 31, and
// the quotient's magnitude below 2^63.
int64_t divide_scaled_half_up(int64_t value, int shift, uint64_t divisor);

struct OnlineScale {
  int32_t mean = 0, scale = 0;
};

// Of 1 to kMaxOnlinePixels pixels. Counts in *saturations if the scale does not fit.
OnlineScale online_scale(const Moments& moments, int pixels, int32_t gamma, Format sum, Format scale,
                         int64_t* saturations);

}  // namespace odenet::fixed
