#include "fixed/norm_kernels.h"

// Highway compiles this file once per instruction set.
#include "fixed/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fixed/norm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "fixed/finish-inl.h"

HWY_BEFORE_NAMESPACE();
namespace odenet::fixed::kernels::HWY_NAMESPACE {

void add_up(const int32_t* map, int pixels, int pitch, Moments* moments) {
  const auto mask = hn::Set(kIntegers, 0xffffffff);
  for (size_t lane = 0; lane < kLanes; lane += kWidth) {
    auto sum = hn::Zero(kIntegers), low = sum, high = sum;
    const int32_t* from = map + lane;
    for (int pixel = 0; pixel < pixels; ++pixel, from += pitch) {
      const auto c = load32(from), square = product32(c, c);
      sum = hn::Add(sum, c);
      low = hn::Add(low, hn::And(square, mask));
      high = hn::Add(high, hn::ShiftRight<32>(square));
    }
    HWY_ALIGN int64_t sums[kWidth], lows[kWidth], highs[kWidth];
    hn::Store(sum, kIntegers, sums);
    hn::Store(low, kIntegers, lows);
    hn::Store(high, kIntegers, highs);
    for (size_t i = 0; i < kWidth; ++i)
      moments[lane + i] = {sums[i], static_cast<uint64_t>(lows[i]), static_cast<uint64_t>(highs[i])};
  }
}

Saturations finish_channels(const Finish& f, const int32_t* mean, const int32_t* map, int pixels, int pitch,
                            int32_t* output) {
  Saturations count;
  const auto low = hn::Set(kIntegers, f.sum_low), high = hn::Set(kIntegers, f.sum_high);
  for (size_t pixel = 0; pixel < static_cast<size_t>(pixels); ++pixel)
    for (size_t lane = 0; lane < kLanes; lane += kWidth) {
      const size_t at = pixel * static_cast<size_t>(pitch) + lane;
      const auto d = saturated(hn::Sub(load32(map + at), load32(mean + lane)), low, high, count.norm);
      store32(finish(f, d, lane, at, count), output + at);
    }
  return count;
}

}  // namespace odenet::fixed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace odenet::fixed::kernels {

HWY_EXPORT(add_up);
HWY_EXPORT(finish_channels);

void sum_channels(const int32_t* map, int pixels, int pitch, Moments* moments) {
  HWY_DYNAMIC_DISPATCH(add_up)(map, pixels, pitch, moments);
}

Saturations normalise(const Finish& finish, const int32_t* mean, const int32_t* map, int pixels, int pitch,
                      int32_t* output) {
  return HWY_DYNAMIC_DISPATCH(finish_channels)(finish, mean, map, pixels, pitch, output);
}

}  // namespace odenet::fixed::kernels
#endif
