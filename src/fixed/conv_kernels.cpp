#include "fixed/conv_kernels.h"

// Highway compiles this file once per instruction set.
#include "fixed/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fixed/conv_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "fixed/finish-inl.h"
#include "fixed/network.h"

HWY_BEFORE_NAMESPACE();
namespace odenet::fixed::kernels::HWY_NAMESPACE {

constexpr int kIntVectors = kLanes / static_cast<int>(hn::MaxLanes(kInts));

// Pixels that share a weight: as many as registers allow.
constexpr int kPixels = kWidth == 8 ? 8 : kWidth == 4 ? 3 : HWY_TARGET == HWY_NEON ? 3 : 1;
constexpr int kIntPixels = kIntVectors <= 2 ? 8 / kIntVectors : 2;

struct Sums {
  HWY_ALIGN int64_t of[8][kLanes];  // [pixel][channel]
};

Range range_of_values(const int32_t* values, size_t count) {
  auto low = hn::Zero(kInts), high = low;
  size_t i = 0;
  for (; i + hn::Lanes(kInts) <= count; i += hn::Lanes(kInts)) {
    const auto v = hn::LoadU(kInts, values + i);
    low = hn::Min(low, v);
    high = hn::Max(high, v);
  }
  Range range{hn::GetLane(hn::MinOfLanes(kInts, low)), hn::GetLane(hn::MaxOfLanes(kInts, high))};
  for (; i < count; ++i) range = {std::min(range.low, values[i]), std::max(range.high, values[i])};
  return range;
}

// ---- Planes ----

struct ToDouble {
  double* to;
  void zero(size_t at, size_t count) const { std::memset(to + at, 0, count * sizeof(double)); }
  void copy(size_t at, const int32_t* from, size_t count) const {
    size_t i = 0;
    for (; i + kWidth <= count; i += kWidth)
      hn::StoreU(hn::PromoteTo(kReals, hn::LoadU(kHalves, from + i)), kReals, to + at + i);
    for (; i < count; ++i) to[at + i] = from[i];
  }
};

struct ToInt16 {
  int16_t* to;
  void zero(size_t at, size_t count) const { std::memset(to + at, 0, count * sizeof(int16_t)); }
  void copy(size_t at, const int32_t* from, size_t count) const {
    for (size_t i = 0; i < count; ++i) to[at + i] = static_cast<int16_t>(from[i]);
  }
};

struct ToParts {
  double *low, *high;
  int bits;
  void zero(size_t at, size_t count) const {
    ToDouble{low}.zero(at, count);
    ToDouble{high}.zero(at, count);
  }
  void copy(size_t at, const int32_t* from, size_t count) const {
    const int32_t mask = static_cast<int32_t>((int64_t{1} << bits) - 1);
    for (size_t i = 0; i < count; ++i) {
      low[at + i] = from[i] & mask;
      high[at + i] = from[i] >> bits;
    }
  }
};

template <class To>
void fill_plane(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, const To& to) {
  const size_t channels = static_cast<size_t>(plane.channels), count = static_cast<size_t>(used);
  const size_t border = static_cast<size_t>(plane.padding) * channels, width = static_cast<size_t>(plane.width);
  for (int row = first; row < last; ++row) {
    size_t at = static_cast<size_t>(row) * plane.row();
    const int y = row - plane.padding;
    if (y < 0 || y >= plane.height) {
      to.zero(at, plane.row());
      continue;
    }
    to.zero(at, border);
    at += border;
    const int32_t* from = map + static_cast<size_t>(y) * width * static_cast<size_t>(pitch);
    if (pitch == plane.channels && pitch == used) {
      to.copy(at, from, width * channels);
      at += width * channels;
    } else {
      for (size_t x = 0; x < width; ++x, from += pitch, at += channels) {
        to.copy(at, from, count);
        to.zero(at + count, channels - count);
      }
    }
    to.zero(at, border);
  }
}

void fill_double(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, double* values) {
  fill_plane(plane, map, pitch, used, first, last, ToDouble{values});
}

void fill_int16(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, int16_t* values) {
  fill_plane(plane, map, pitch, used, first, last, ToInt16{values});
}

void fill_parts(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, int bits, double* low,
                double* high) {
  fill_plane(plane, map, pitch, used, first, last, ToParts{low, high, bits});
}

// ---- From sums to outputs ----

// kLanes channels from `channel` on of output pixel `pixel`.
HWY_INLINE void finish_pixel(const Task& t, int pixel, int channel, const int64_t* sums, Saturations& count) {
  const Finish& f = t.finish;
  const auto at = static_cast<size_t>(pixel) * static_cast<size_t>(t.out_pitch) + static_cast<size_t>(channel);
  const int32_t* bias = nullptr;
  if (f.bias) {
    const int border = t.kernel == 1 ? 0
                                     : 3 * border_class(pixel / t.out_width, t.out_height) +
                                           border_class(pixel % t.out_width, t.out_width);
    bias = f.bias + static_cast<size_t>(border) * static_cast<size_t>(t.out_pitch) + channel;
  }
  const auto half = hn::Set(kIntegers, f.sum_shift == 0 ? 0 : int64_t{1} << (f.sum_shift - 1));
  const auto sum_low = hn::Set(kIntegers, f.sum_low), sum_high = hn::Set(kIntegers, f.sum_high);
  for (size_t lane = 0; lane < kLanes; lane += kWidth) {
    auto v = hn::ShiftRightSame(hn::Add(hn::Load(kIntegers, sums + lane), half), f.sum_shift);
    if (bias) v = hn::Add(v, load32(bias + lane));
    v = saturated(v, sum_low, sum_high, count.sum);
    store32(finish(f, v, static_cast<size_t>(channel) + lane, at + lane, count), t.output + at + lane);
  }
}

// ---- Sums ----

// offset[i]: of the top left input of output pixel first + i in the plane; beyond `end` those of pixel end - 1 again.
template <int kCount>
HWY_INLINE void find_pixels(const Task& t, int first, int end, size_t* offset) {
  for (int i = 0; i < kCount; ++i) {
    const int pixel = std::min(first + i, end - 1);
    offset[i] = static_cast<size_t>(pixel / t.out_width * t.stride) * t.plane.row() +
                static_cast<size_t>(pixel % t.out_width * t.stride) * static_cast<size_t>(t.plane.channels);
  }
}

// sums.of[pixel] = sum of x * w, or that times 2^bits added to it.
template <bool kAdd>
HWY_INLINE void sum_reals(const Task& t, const double* x, const size_t* offset, const double* weight, int bits,
                          Sums& sums) {
  Reals acc[kPixels][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[p][v] = hn::Zero(kReals);
  const size_t steps = static_cast<size_t>(t.kernel * t.plane.channels);  // neighbours in a row follow each other
  for (int row = 0; row < t.kernel; ++row) {
    const double* from[kPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) from[p] = x + offset[p] + static_cast<size_t>(row) * t.plane.row();
    for (size_t k = 0; k < steps; ++k, weight += kLanes) {
      Reals w[kVectors];
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(kReals, weight + v * kWidth);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
        const auto value = hn::Set(kReals, from[p][k]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[p][v] = hn::MulAdd(w[v], value, acc[p][v]);
      }
    }
  }
  for (int p = 0; p < kPixels; ++p)
    for (size_t v = 0; v < kVectors; ++v) {
      auto sum = hn::ConvertTo(kIntegers, acc[p][v]);
      int64_t* to = sums.of[p] + v * kWidth;
      if constexpr (kAdd) sum = hn::Add(hn::Load(kIntegers, to), hn::ShiftLeftSame(sum, bits));
      hn::Store(sum, kIntegers, to);
    }
}

Saturations run_reals(const Task& t, const double* low, const double* high, int bits, const double* weight, int begin,
                      int end) {
  Saturations count;
  Sums sums;
  size_t offset[kPixels];
  const size_t block = static_cast<size_t>(t.kernel * t.kernel * t.plane.channels) * kLanes;
  for (int channel = 0; channel < t.out_pitch; channel += kLanes, weight += block)
    for (int first = begin; first < end; first += kPixels) {
      find_pixels<kPixels>(t, first, end, offset);
      sum_reals<false>(t, low, offset, weight, 0, sums);
      if (high) sum_reals<true>(t, high, offset, weight, bits, sums);
      for (int p = 0; p < std::min(kPixels, end - first); ++p) finish_pixel(t, first + p, channel, sums.of[p], count);
    }
  return count;
}

#if HWY_TARGET == HWY_SCALAR  // no vectors, no pairs: sums of 64 bits
HWY_INLINE void sum_ints(const Task& t, const int16_t* x, const size_t* offset, const int16_t* weight, int,
                         Sums& sums) {
  std::memset(&sums, 0, sizeof(sums));
  const size_t steps = static_cast<size_t>(t.kernel * t.plane.channels);
  for (int row = 0; row < t.kernel; ++row)
    for (size_t k = 0; k < steps; k += 2, weight += 2 * kLanes)
      for (int p = 0; p < kIntPixels; ++p) {
        const int16_t* pair = x + offset[p] + static_cast<size_t>(row) * t.plane.row() + k;
        for (int c = 0; c < kLanes; ++c)
          sums.of[p][c] += int64_t{pair[0] * weight[2 * c]} + pair[1] * weight[2 * c + 1];
      }
}
#else
HWY_INLINE void add_ints(Ints (&acc)[2], int64_t* to) {
  HWY_ALIGN int32_t values[hn::MaxLanes(kInts)];
  hn::Store(hn::RearrangeToOddPlusEven(acc[0], acc[1]), kInts, values);
  for (size_t i = 0; i < hn::MaxLanes(kInts); i += kWidth)
    hn::Store(hn::Add(hn::Load(kIntegers, to + i), load32(values + i)), kIntegers, to + i);
  acc[0] = acc[1] = hn::Zero(kInts);
}

HWY_INLINE void sum_ints(const Task& t, const int16_t* x, const size_t* offset, const int16_t* weight, int flush,
                         Sums& sums) {
  Ints acc[kIntPixels][kIntVectors][2];
#pragma GCC unroll 8
  for (int p = 0; p < kIntPixels; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < kIntVectors; ++v) acc[p][v][0] = acc[p][v][1] = hn::Zero(kInts);
  std::memset(&sums, 0, sizeof(sums));
  const int steps = t.kernel * t.plane.channels / 2;
  int left = flush;
  for (int row = 0; row < t.kernel; ++row) {
    const int16_t* from[kIntPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kIntPixels; ++p) from[p] = x + offset[p] + static_cast<size_t>(row) * t.plane.row();
    for (int done = 0; done < steps;) {
      const int until = std::min(steps, done + left);
      left -= until - done;
      for (; done < until; ++done, weight += 2 * kLanes) {
        hn::Vec<decltype(kShorts)> w[kIntVectors];
#pragma GCC unroll 8
        for (size_t v = 0; v < kIntVectors; ++v) w[v] = hn::Load(kShorts, weight + v * hn::MaxLanes(kShorts));
#pragma GCC unroll 8
        for (int p = 0; p < kIntPixels; ++p) {
          int32_t pair;
          std::memcpy(&pair, from[p] + 2 * done, sizeof(pair));
          const auto value = hn::BitCast(kShorts, hn::Set(kInts, pair));
#pragma GCC unroll 8
          for (int v = 0; v < kIntVectors; ++v)
            acc[p][v][0] = hn::ReorderWidenMulAccumulate(kInts, w[v], value, acc[p][v][0], acc[p][v][1]);
        }
      }
      if (left > 0) continue;
      left = flush;
      for (int p = 0; p < kIntPixels; ++p)
        for (size_t v = 0; v < kIntVectors; ++v) add_ints(acc[p][v], sums.of[p] + v * hn::MaxLanes(kInts));
    }
  }
  for (int p = 0; p < kIntPixels; ++p)
    for (size_t v = 0; v < kIntVectors; ++v) add_ints(acc[p][v], sums.of[p] + v * hn::MaxLanes(kInts));
}

#endif

Saturations run_ints(const Task& t, const int16_t* values, const int16_t* weight, int flush, int begin, int end) {
  Saturations count;
  Sums sums;
  size_t offset[kIntPixels];
  const size_t block = static_cast<size_t>(t.kernel * t.kernel * t.plane.channels) * kLanes;
  for (int channel = 0; channel < t.out_pitch; channel += kLanes, weight += block)
    for (int first = begin; first < end; first += kIntPixels) {
      find_pixels<kIntPixels>(t, first, end, offset);
      sum_ints(t, values, offset, weight, flush, sums);
      for (int p = 0; p < std::min(kIntPixels, end - first); ++p)
        finish_pixel(t, first + p, channel, sums.of[p], count);
    }
  return count;
}

Saturations run_each_channel(const Task& t, const double* low, const double* high, int bits, const double* weight,
                             int begin, int end) {
  Saturations count;
  Sums sums;
  const size_t channels = static_cast<size_t>(t.plane.channels);
  const int taps = t.kernel * t.kernel;
  for (int pixel = begin; pixel < end; ++pixel) {
    size_t offset;
    find_pixels<1>(t, pixel, end, &offset);
    for (size_t channel = 0; channel < channels; channel += kLanes) {
      for (size_t lane = 0; lane < kLanes; lane += kWidth) {
        Reals low_sum = hn::Zero(kReals), high_sum = hn::Zero(kReals);
        for (int tap = 0; tap < taps; ++tap) {
          const size_t at = offset + static_cast<size_t>(tap / t.kernel) * t.plane.row() +
                            static_cast<size_t>(tap % t.kernel) * channels + channel + lane;
          const auto w = hn::LoadU(kReals, weight + static_cast<size_t>(tap) * channels + channel + lane);
          low_sum = hn::MulAdd(w, hn::LoadU(kReals, low + at), low_sum);
          if (high) high_sum = hn::MulAdd(w, hn::LoadU(kReals, high + at), high_sum);
        }
        auto sum = hn::ConvertTo(kIntegers, low_sum);
        if (high) sum = hn::Add(sum, hn::ShiftLeftSame(hn::ConvertTo(kIntegers, high_sum), bits));
        hn::Store(sum, kIntegers, sums.of[0] + lane);
      }
      finish_pixel(t, pixel, static_cast<int>(channel), sums.of[0], count);
    }
  }
  return count;
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace odenet::fixed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace odenet::fixed::kernels {

HWY_EXPORT(range_of_values);
HWY_EXPORT(fill_double);
HWY_EXPORT(fill_int16);
HWY_EXPORT(fill_parts);
HWY_EXPORT(run_reals);
HWY_EXPORT(run_ints);
HWY_EXPORT(run_each_channel);
HWY_EXPORT(target_name);

Range range_of(const int32_t* values, size_t count) { return HWY_DYNAMIC_DISPATCH(range_of_values)(values, count); }

void fill(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, double* values) {
  HWY_DYNAMIC_DISPATCH(fill_double)(plane, map, pitch, used, first, last, values);
}

void fill(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, int16_t* values) {
  HWY_DYNAMIC_DISPATCH(fill_int16)(plane, map, pitch, used, first, last, values);
}

void fill_split(const Plane& plane, const int32_t* map, int pitch, int used, int first, int last, int bits, double* low,
                double* high) {
  HWY_DYNAMIC_DISPATCH(fill_parts)(plane, map, pitch, used, first, last, bits, low, high);
}

Saturations run(const Task& task, const double* low, const double* high, int bits, const double* weight, int begin,
                int end) {
  return HWY_DYNAMIC_DISPATCH(run_reals)(task, low, high, bits, weight, begin, end);
}

Saturations run(const Task& task, const int16_t* values, const int16_t* weight, int flush, int begin, int end) {
  return HWY_DYNAMIC_DISPATCH(run_ints)(task, values, weight, flush, begin, end);
}

Saturations run_depthwise(const Task& task, const double* low, const double* high, int bits, const double* weight,
                          int begin, int end) {
  return HWY_DYNAMIC_DISPATCH(run_each_channel)(task, low, high, bits, weight, begin, end);
}

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace odenet::fixed::kernels
#endif
