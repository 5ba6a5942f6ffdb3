// The inner loops of the integer convolutions, vectorised with Highway, the widest instructions chosen at run time.
//
// Maps are [height, width, pitch] of int32, NHWC; the pitch is the number of channels, padded with zeros to a multiple
// of kLanes. A convolution first widens its input into a plane with a border of zeros (fill_*), then computes ranges
// of its output pixels, 16 channels at a time: the products of each pixel are summed in registers, and norm, sum and
// ReLU follow before anything is stored.
//
// Sums are exact in one of three ways. `max` is the largest |x|, S the largest sum of |w| of an output channel:
//   kInt16   x and w of at most 16 bits: products in pairs into 32 bits, carried over to 64 bits before they can
//            overflow
//   kDouble  max * S < 2^53: double arithmetic never rounds, in any order
//   kSplit   x = high * 2^l + low as in the engine (fixed/arithmetic.h), each part like kDouble, for the accumulator
//            proof says that its sum stays below 2^47
#pragma once

#include <cstddef>
#include <cstdint>

namespace odenet::fixed::kernels {

inline constexpr int kLanes = 16;

constexpr int padded(int channels) { return (channels + kLanes - 1) / kLanes * kLanes; }

struct Range {
  int32_t low = 0, high = 0;
};
Range range_of(const int32_t* values, size_t count);

// Where the input lies: a plane [height + 2 padding, width + 2 padding, channels]. In a depthwise convolution
// `channels` is padded to kLanes, in one of kInt16 to an even number; elsewhere it is the true number.
struct Plane {
  int height = 0, width = 0, channels = 0, padding = 0;

  size_t row() const { return static_cast<size_t>(width + 2 * padding) * static_cast<size_t>(channels); }
  size_t size() const { return static_cast<size_t>(height + 2 * padding) * row(); }
};

// The rows first to last - 1 of the plane, border rows among them, from a map of that pitch. `used` channels of the map
// are read, the plane's others become 0.
void fill(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, double* values);
void fill(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, int16_t* values);
// x = high * 2^bits + low, 0 <= low < 2^bits
void fill_split(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, int bits, double* low,
                double* high);

// c = clamp(round_half_up(sum, sum_shift) + bias); y = clamp((c * scale + offset) >> norm_shift), the half being in the
// offset; z = clamp(y + align(added)); ReLU.
struct Finish {
  int sum_shift = 0, norm_shift = 0;
  int32_t sum_low = 0, sum_high = 0;  // range of c
  int32_t out_low = 0, out_high = 0;  // range of y and z
  const int32_t* bias = nullptr;      // [border classes, pitch], or null
  const int32_t* scale = nullptr;     // [pitch], or null: no norm
  const int64_t* offset = nullptr;    // [pitch]
  const int32_t* added = nullptr;     // a map of the output's size, or null
  int added_from = 0, added_to = 0;   // its fraction, and the output's
  bool relu = false;
};

struct Saturations {
  int64_t sum = 0, norm = 0, added = 0;
};

struct Task {
  Plane plane;
  int kernel = 3, stride = 1;
  int out_height = 0, out_width = 0, out_pitch = 0;
  Finish finish;
  int32_t* output = nullptr;  // map
};

// Output pixels begin to end - 1, row by row. weight: [out_pitch / kLanes][kernel][kernel][channels][kLanes].
// high: null for kDouble; else x = high * 2^bits + low.
Saturations run(const Task& task, const double* low, const double* high, int bits, const double* weight, int begin,
                int end);

// weight: [out_pitch / kLanes][kernel][kernel][channels / 2][kLanes][2]; `flush`: steps of two channels after which the
// sums of 32 bits are added up in 64.
Saturations run(const Task& task, const int16_t* values, const int16_t* weight, int flush, int begin, int end);

// A depthwise convolution. weight: [kernel][kernel][channels], channels = out_pitch.
Saturations run_depthwise(const Task& task, const double* low, const double* high, int bits, const double* weight,
                          int begin, int end);

const char* instruction_set();  // "AVX3"

}  // namespace odenet::fixed::kernels
