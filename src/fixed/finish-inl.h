// From exact sums to stored outputs, for one instruction set at a time, as Highway includes it: what the kernels of
// convolutions and of norms have in common.
#include <hwy/highway.h>

#include "fixed/conv_kernels.h"

#if defined(ODENET_FIXED_FINISH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ODENET_FIXED_FINISH_INL_H_
#undef ODENET_FIXED_FINISH_INL_H_
#else
#define ODENET_FIXED_FINISH_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace odenet::fixed::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors of as many lanes as 64-bit numbers have: kLanes channels are kVectors of them.
constexpr hn::CappedTag<double, 8> kReals;
constexpr hn::CappedTag<int64_t, 8> kIntegers;
constexpr size_t kWidth = hn::MaxLanes(kReals);
constexpr hn::Simd<int32_t, kWidth, 0> kHalves;
constexpr hn::CappedTag<int32_t, kLanes> kInts;
constexpr hn::CappedTag<int16_t, 2 * kLanes> kShorts;
using Reals = hn::Vec<decltype(kReals)>;
using Integers = hn::Vec<decltype(kIntegers)>;
using Ints = hn::Vec<decltype(kInts)>;
constexpr int kVectors = kLanes / static_cast<int>(kWidth);

HWY_INLINE Integers load32(const int32_t* p) { return hn::PromoteTo(kIntegers, hn::LoadU(kHalves, p)); }

// Of lanes that hold numbers of 32 bits.
HWY_INLINE Integers product32(Integers a, Integers b) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(kIntegers, hn::GetLane(a) * hn::GetLane(b));
#else
  const hn::Repartition<int32_t, decltype(kIntegers)> d32;
  return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b));
#endif
}

HWY_INLINE Integers saturated(Integers v, Integers low, Integers high, int64_t& count) {
  const auto clamped = hn::Min(hn::Max(v, low), high);
  const auto changed = hn::Ne(v, clamped);
  if (HWY_UNLIKELY(!hn::AllFalse(kIntegers, changed))) count += static_cast<int64_t>(hn::CountTrue(kIntegers, changed));
  return clamped;
}

// The low 32 bits of each lane: saturated values.
HWY_INLINE void store32(Integers v, int32_t* p) {
  const hn::RebindToUnsigned<decltype(kIntegers)> wide;
  const hn::RebindToUnsigned<decltype(kHalves)> narrow;
  hn::StoreU(hn::BitCast(kHalves, hn::TruncateTo(narrow, hn::BitCast(wide, v))), kHalves, p);
}

// Norm, sum and ReLU of the values c of channels `channel` on, which become the outputs `at` on.
HWY_INLINE Integers finish(const Finish& f, Integers v, size_t channel, size_t at, Saturations& count) {
  const auto out_low = hn::Set(kIntegers, f.out_low), out_high = hn::Set(kIntegers, f.out_high);
  if (f.scale) {
    v = product32(v, load32(f.scale + channel));
    v = hn::ShiftRightSame(hn::Add(v, hn::LoadU(kIntegers, f.offset + channel)), f.norm_shift);
    v = saturated(v, out_low, out_high, count.norm);
  }
  if (f.added) {
    auto x = load32(f.added + at);
    const int right = f.added_from - f.added_to;
    if (right > 0)
      x = hn::ShiftRightSame(hn::Add(x, hn::Set(kIntegers, int64_t{1} << (right - 1))), right);
    else if (right < 0)
      x = hn::ShiftLeftSame(x, -right);
    v = saturated(hn::Add(v, x), out_low, out_high, count.added);
  }
  return f.relu ? hn::Max(v, hn::Zero(kIntegers)) : v;
}

}  // namespace odenet::fixed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
