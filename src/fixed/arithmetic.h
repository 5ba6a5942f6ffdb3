// The number contract between C++ and RTL, in exact integer arithmetic. A format is (width, fraction): Q20 is (32, 20).
//
//   int64_t acc = sum of x * w;                                              // exact, fractions add
//   int32_t c = saturate(round_half_up(acc, x.fraction + w.fraction - sum.fraction) + time_bias, sum, &saturations);
//   int64_t p = int64_t{c} * scale + (int64_t{shift} << s.fraction);         // exact; time_bias, shift in format `sum`
//   int32_t y = saturate(round_half_up(p, sum.fraction + s.fraction - y.fraction), y, &saturations);
//   int32_t z = saturate(int64_t{y} + align(x, x.fraction, y.fraction), y, &saturations);  // a sum of two maps
//
// Everything is two's complement. In the engine all activations and sums have one format, so that the roundings are by
// w.fraction and s.fraction bits. No accumulator overflows, because weights are constants: accumulator_bound() is the
// largest sum of |w| of one output channel for which the engine's accumulators, and so the 64-bit ones here, are exact.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace odenet::fixed {

// Integers of `width` bits, 2 to 32, that stand for value = integer / 2^fraction. The fraction, 0 to 31, may be the
// width or more: 8.9 are the multiples of 1/512 from -1/4 on.
struct Format {
  static constexpr int kMaxFraction = 31;

  int width = 32, fraction = 20;

  constexpr bool valid() const { return width >= 2 && width <= 32 && fraction >= 0 && fraction <= kMaxFraction; }

  constexpr int64_t max() const { return (int64_t{1} << (width - 1)) - 1; }
  constexpr int64_t min() const { return -(int64_t{1} << (width - 1)); }
  constexpr double one() const { return static_cast<double>(int64_t{1} << fraction); }
  constexpr double to_real(int64_t value) const { return static_cast<double>(value) / one(); }
  constexpr bool contains(int64_t value) const { return value >= min() && value <= max(); }
  bool operator==(const Format&) const = default;
};

// "Q20 in 32 bits"
inline std::string describe(Format format) { return fmt::format("Q{} in {} bits", format.fraction, format.width); }

// value / 2^shift to the nearest integer, halves up. |value| < 2^62 + 2^61, shift 0 to 61.
constexpr int64_t round_half_up(int64_t value, int shift) {
  return shift == 0 ? value : (value + (int64_t{1} << (shift - 1))) >> shift;
}

// A number of fraction `from` as one of fraction `to`: rounded half up where that has fewer bits. |value| < 2^32.
constexpr int64_t align(int64_t value, int from, int to) {
  return from >= to ? round_half_up(value, from - to) : value * (int64_t{1} << (to - from));
}

// sum / count to the nearest integer, halves up. |sum| < 2^61, 0 < count < 2^31.
constexpr int64_t divide_half_up(int64_t sum, int64_t count) {
  const int64_t numerator = 2 * sum + count, denominator = 2 * count;
  const int64_t quotient = numerator / denominator;  // towards zero; one less where that rounded a negative up
  return numerator % denominator < 0 ? quotient - 1 : quotient;
}

// The number of `format` nearest to `value`; counts in *saturations when that changes it.
constexpr int32_t saturate(int64_t value, Format format, int64_t* saturations) {
  const int64_t clamped = std::clamp(value, format.min(), format.max());
  *saturations += clamped != value;
  return static_cast<int32_t>(clamped);
}

// The real `value` in `format`, rounded half up, or nothing if it is out of range or not a number.
inline std::optional<int32_t> to_fixed(double value, Format format) {
  const double rounded = std::floor(value * format.one() + 0.5);
  if (!(rounded >= static_cast<double>(format.min()) && rounded <= static_cast<double>(format.max()))) return {};
  return static_cast<int32_t>(rounded);
}

// The largest fraction of scales for which scale, product and shift of a norm stay within 64 bits.
inline constexpr int kMaxScaleFraction = 30;

// Bits of the smallest two's complement number that holds both values: 1 for 0 and -1, 2 for 1, ...
constexpr int bits_needed(int64_t low, int64_t high) {
  int bits = 1;
  while (low < -(int64_t{1} << (bits - 1)) || high >= (int64_t{1} << (bits - 1))) ++bits;
  return bits;
}

// How the engine multiplies: x = high * 2^kLowBits + low with 0 <= low < 2^kLowBits, each part times w in a DSP slice
// of its own with an accumulator of kAccumulatorBits; high and low join once per output.
inline constexpr int kLowBits = 17;
inline constexpr int kAccumulatorBits = 48;

constexpr int low_bits(Format activation) { return std::min(kLowBits, activation.width - 1); }
constexpr int32_t low_part(int32_t x, Format activation) {
  return x & static_cast<int32_t>((int64_t{1} << low_bits(activation)) - 1);
}
constexpr int32_t high_part(int32_t x, Format activation) { return x >> low_bits(activation); }

// The largest sum of |w| for which neither part overflows, if x is split so, whatever the activations are: low is at
// most 2^l - 1, high at least -2^(width - l - 1), so
//   sum |w| * max(2^l - 1, 2^(width - l - 1)) <= 2^(kAccumulatorBits - 1) - 1.
// For 32-bit activations that is 1,073,750,016: 1024.008 in a weight format of fraction 20. The engine's own lanes may
// hold less: engine::lane_bound().
constexpr int64_t accumulator_bound(Format activation) {
  const int l = low_bits(activation);
  const int64_t largest = std::max((int64_t{1} << l) - 1, int64_t{1} << (activation.width - l - 1));
  return ((int64_t{1} << (kAccumulatorBits - 1)) - 1) / largest;
}

}  // namespace odenet::fixed
