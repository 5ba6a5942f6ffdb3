#include "nn/norm_kernels.h"

// Highway compiles this file once per instruction set; no processor that runs LibTorch stops at SSSE3.
#define HWY_DISABLED_TARGETS HWY_SSSE3
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/norm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace odenet::nn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kUnroll = 4;  // vectors in flight, so that sums do not wait for each other

template <class D>
hn::Vec<D> load(D d, const float* p) {
  return hn::LoadU(d, p);
}

template <class D>
void store(D d, hn::Vec<D> v, float* p) {
  hn::StoreU(v, d, p);
}

template <class D>
hn::Vec<D> load(D d, const Bfloat16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, p))));
}

// Round to nearest even: add half of the last place kept, less one unless that place is odd. The sum would carry a
// NaN's payload into infinity or the sign, so a NaN keeps its upper bits and becomes a quiet one.
template <class D>
void store(D, hn::Vec<D> v, Bfloat16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(d32, 0x7fff)), odd);
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto kept = hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(v)), quiet, rounded);
  hn::StoreU(hn::TruncateTo(d16, hn::ShiftRight<16>(kept)), d16, p);
}

// Runs body(d, unroll, first, steps, stride, channel) so that every vector of `rows` rows of `channels` values is met
// once: `unroll` neighbouring vectors from element `first` on, `steps` times, `stride` elements apart; vector j of them
// holds the channels from channel(j) on.
template <class D, class Body>
void tile(D d, int64_t rows, int64_t channels, const Body& body) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t vectors = channels / lanes;
  using One = std::integral_constant<int64_t, 1>;
  using Many = std::integral_constant<int64_t, kUnroll>;
  const auto from = [&](int64_t v) { return [=](int64_t j) { return (v + j) % vectors * lanes; }; };
  if (vectors < kUnroll && kUnroll % vectors == 0) {  // several rows at once
    const int64_t together = kUnroll / vectors, steps = rows / together, done = steps * together;
    body(d, Many(), 0, steps, kUnroll * lanes, from(0));
    for (int64_t v = 0; v < vectors; ++v) body(d, One(), done * channels + v * lanes, rows - done, channels, from(v));
  } else if (vectors % kUnroll == 0) {
    for (int64_t v = 0; v < vectors; v += kUnroll) body(d, Many(), v * lanes, rows, channels, from(v));
  } else {
    for (int64_t v = 0; v < vectors; ++v) body(d, One(), v * lanes, rows, channels, from(v));
  }
}

// Channel counts that are no multiple of the vector's length run one value at a time.
template <class Body>
void tile_any(int64_t rows, int64_t channels, const Body& body) {
  const hn::ScalableTag<float> d;
  if (channels % static_cast<int64_t>(hn::Lanes(d)) == 0)
    tile(d, rows, channels, body);
  else
    tile(hn::CappedTag<float, 1>(), rows, channels, body);
}

// x' of the values at `x`, which begin at element `at` of their image.
template <bool kPlane, class D, typename T>
HWY_INLINE hn::Vec<D> load_timed(D d, const T* x, const TimePlane& plane, int64_t at) {
  const auto value = load(d, x);
  if constexpr (kPlane) return hn::MulAdd(hn::Set(d, plane.time), hn::LoadU(d, plane.plane + at), value);
  return value;
}

template <class D>
void add_lanes(D d, hn::Vec<D> v, double* out) {
  HWY_ALIGN float values[hn::MaxLanes(D())];
  hn::Store(v, d, values);
  for (size_t i = 0; i < hn::Lanes(d); ++i) out[i] += static_cast<double>(values[i]);
}

// Those of x from the sums of x - shift and its square over `count` values.
template <class D>
void add_moments(D d, double count, hn::Vec<D> shift, hn::Vec<D> sum, hn::Vec<D> square, double* sum_x,
                 double* square_x) {
  HWY_ALIGN float shifts[hn::MaxLanes(D())], sums[hn::MaxLanes(D())], squares[hn::MaxLanes(D())];
  hn::Store(shift, d, shifts);
  hn::Store(sum, d, sums);
  hn::Store(square, d, squares);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    const double k = shifts[i], s = sums[i];
    sum_x[i] += s + count * k;
    square_x[i] += squares[i] + k * (2 * s + count * k);
  }
}

template <bool kPlane, typename T>
void moments_loop(const Shape& s, const T* images, const TimePlane& plane, double* sum, double* square) {
  for (int64_t n = 0; n < s.images; ++n) {
    const T* x = images + n * s.pixels * s.channels;
    tile_any(s.pixels, s.channels,
             [&](auto d, auto unroll, int64_t first, int64_t steps, int64_t stride, auto channel) HWY_ATTR {
               const auto lanes = static_cast<int64_t>(hn::Lanes(d));
               // Of distances to the first pixel: of large values that differ little, squares cancel. bfloat16 cannot
               // tell such values apart.
               constexpr bool kShifted = std::is_same_v<T, float>;
               hn::Vec<decltype(d)> shift[unroll], sums[unroll], squares[unroll];
               for (int64_t j = 0; j < unroll; ++j) {
                 if constexpr (kShifted)
                   shift[j] = load_timed<kPlane>(d, x + channel(j), plane, channel(j));
                 else
                   shift[j] = hn::Zero(d);
                 sums[j] = squares[j] = hn::Zero(d);
               }
               const auto count = static_cast<double>(steps);
               for (int64_t i = first; steps > 0; --steps, i += stride) {
                 for (int64_t j = 0; j < unroll; ++j) {
                   const int64_t at = i + j * lanes;
                   auto value = load_timed<kPlane>(d, x + at, plane, at);
                   if constexpr (kShifted) value = hn::Sub(value, shift[j]);
                   sums[j] = hn::Add(sums[j], value);
                   squares[j] = hn::MulAdd(value, value, squares[j]);
                 }
               }
               for (int64_t j = 0; j < unroll; ++j)
                 add_moments(d, count, shift[j], sums[j], squares[j], sum + channel(j), square + channel(j));
             });
  }
}

template <typename T>
void moments_of(const Shape& s, const T* x, const TimePlane& plane, double* sum, double* square) {
  if (plane.plane)
    moments_loop<true>(s, x, plane, sum, square);
  else
    moments_loop<false>(s, x, plane, sum, square);
}

template <bool kPlane, bool kResidual, bool kRelu, typename T>
void forward_loop(const Shape& s, const Forward<T>& args) {
  for (int64_t n = s.images - 1; n >= 0; --n) {
    const int64_t image = n * s.pixels * s.channels;
    const T* x = args.x + image;
    const T* residual = kResidual ? args.residual + image : nullptr;
    T* y = args.y + image;
    tile_any(s.pixels, s.channels,
             [&](auto d, auto unroll, int64_t first, int64_t steps, int64_t stride, auto channel) HWY_ATTR {
               const auto lanes = static_cast<int64_t>(hn::Lanes(d));
               hn::Vec<decltype(d)> scale[unroll], shift[unroll];
               for (int64_t j = 0; j < unroll; ++j) {
                 scale[j] = hn::LoadU(d, args.scale + channel(j));
                 shift[j] = hn::LoadU(d, args.shift + channel(j));
               }
               for (int64_t i = first; steps > 0; --steps, i += stride) {
                 for (int64_t j = 0; j < unroll; ++j) {
                   const int64_t at = i + j * lanes;
                   auto value = load_timed<kPlane>(d, x + at, args.plane, at);
                   value = hn::MulAdd(value, scale[j], shift[j]);
                   if constexpr (kResidual) value = hn::Add(value, load(d, residual + at));
                   // Not a maximum, which on x86 turns NaN into zero and so would hide a divergence.
                   if constexpr (kRelu) value = hn::IfThenZeroElse(hn::Lt(value, hn::Zero(d)), value);
                   store(d, value, y + at);
                 }
               }
             });
  }
}

template <bool kPlane, typename T>
void forward_with(const Shape& s, const Forward<T>& args) {
  if (args.residual)
    args.relu ? forward_loop<kPlane, true, true>(s, args) : forward_loop<kPlane, true, false>(s, args);
  else
    args.relu ? forward_loop<kPlane, false, true>(s, args) : forward_loop<kPlane, false, false>(s, args);
}

template <typename T>
void forward_of(const Shape& s, const Forward<T>& args) {
  args.plane.plane ? forward_with<true>(s, args) : forward_with<false>(s, args);
}

enum class Mask { kNone, kOutput, kInput };

// The gradient before the ReLU of the values from element i of the batch on, whose x' is given.
template <Mask kMask, class D, typename T>
HWY_INLINE hn::Vec<D> load_gradient(D d, const Masked<T>& args, int64_t i, hn::Vec<D> x, hn::Vec<D> scale,
                                    hn::Vec<D> shift) {
  auto g = load(d, args.dy + i);
  if (args.dy2) g = hn::Add(g, load(d, args.dy2 + i));
  if constexpr (kMask == Mask::kInput) g = hn::IfThenElseZero(hn::Gt(hn::MulAdd(x, scale, shift), hn::Zero(d)), g);
  if constexpr (kMask == Mask::kOutput) g = hn::IfThenElseZero(hn::Gt(load(d, args.y + i), hn::Zero(d)), g);
  return g;
}

// Calls run(plane?, mask) with the two as compile-time constants.
template <typename T, class Run>
void with_mask(const Masked<T>& args, const Run& run) {
  using None = std::integral_constant<Mask, Mask::kNone>;
  using Output = std::integral_constant<Mask, Mask::kOutput>;
  using Input = std::integral_constant<Mask, Mask::kInput>;
  const auto choose = [&](auto plane) HWY_ATTR {
    if (!args.relu)
      run(plane, None());
    else if (args.y)
      run(plane, Output());
    else
      run(plane, Input());
  };
  args.plane.plane ? choose(std::true_type()) : choose(std::false_type());
}

template <typename T>
void backward_sums_of(const Shape& s, const Masked<T>& args, const float* mean, T* kept, double* sum_g,
                      double* sum_gx) {
  with_mask(args, [&](auto has_plane, auto mask) HWY_ATTR {
    for (int64_t n = 0; n < s.images; ++n) {
      const int64_t image = n * s.pixels * s.channels;
      tile_any(s.pixels, s.channels,
               [&](auto d, auto unroll, int64_t first, int64_t steps, int64_t stride, auto channel) HWY_ATTR {
                 const auto lanes = static_cast<int64_t>(hn::Lanes(d));
                 using V = hn::Vec<decltype(d)>;
                 V means[unroll], scale[unroll], shift[unroll], g_sums[unroll], gx_sums[unroll];
                 for (int64_t j = 0; j < unroll; ++j) {
                   means[j] = hn::LoadU(d, mean + channel(j));
                   scale[j] = hn::LoadU(d, args.scale + channel(j));
                   shift[j] = hn::LoadU(d, args.shift + channel(j));
                   g_sums[j] = gx_sums[j] = hn::Zero(d);
                 }
                 for (int64_t i = first; steps > 0; --steps, i += stride) {
                   for (int64_t j = 0; j < unroll; ++j) {
                     const int64_t at = i + j * lanes;
                     const V x = load_timed<has_plane>(d, args.x + image + at, args.plane, at);
                     const V g = load_gradient<mask>(d, args, image + at, x, scale[j], shift[j]);
                     if (kept) store(d, g, kept + image + at);
                     g_sums[j] = hn::Add(g_sums[j], g);
                     gx_sums[j] = hn::MulAdd(g, hn::Sub(x, means[j]), gx_sums[j]);
                   }
                 }
                 for (int64_t j = 0; j < unroll; ++j) {
                   add_lanes(d, g_sums[j], sum_g + channel(j));
                   add_lanes(d, gx_sums[j], sum_gx + channel(j));
                 }
               });
    }
  });
}

template <typename T>
void backward_input_of(const Shape& s, const Masked<T>& args, const float* a, const float* b, const float* c, T* dx,
                       float* dplane) {
  with_mask(args, [&](auto has_plane, auto mask) HWY_ATTR {
    for (int64_t n = s.images - 1; n >= 0; --n) {
      const int64_t image = n * s.pixels * s.channels;
      tile_any(s.pixels, s.channels,
               [&](auto d, auto unroll, int64_t first, int64_t steps, int64_t stride, auto channel) HWY_ATTR {
                 const auto lanes = static_cast<int64_t>(hn::Lanes(d));
                 using V = hn::Vec<decltype(d)>;
                 V as[unroll], bs[unroll], cs[unroll], scale[unroll], shift[unroll];
                 for (int64_t j = 0; j < unroll; ++j) {
                   as[j] = hn::LoadU(d, a + channel(j));
                   bs[j] = hn::LoadU(d, b + channel(j));
                   cs[j] = hn::LoadU(d, c + channel(j));
                   scale[j] = hn::LoadU(d, args.scale + channel(j));
                   shift[j] = hn::LoadU(d, args.shift + channel(j));
                 }
                 for (int64_t i = first; steps > 0; --steps, i += stride) {
                   for (int64_t j = 0; j < unroll; ++j) {
                     const int64_t at = i + j * lanes;
                     const V x = load_timed<has_plane>(d, args.x + image + at, args.plane, at);
                     const V g = load_gradient<mask>(d, args, image + at, x, scale[j], shift[j]);
                     const V result = hn::MulAdd(as[j], g, hn::MulAdd(bs[j], x, cs[j]));
                     store(d, result, dx + image + at);
                     if constexpr (has_plane) hn::StoreU(hn::Add(hn::LoadU(d, dplane + at), result), d, dplane + at);
                   }
                 }
               });
    }
  });
}

void sgd_of(int64_t n, const SgdStep& step, const float* gradient, float* parameters, float* velocity) {
  const auto run = [&](auto d, int64_t begin, int64_t end) HWY_ATTR {
    const auto rate = hn::Set(d, -step.rate), momentum = hn::Set(d, step.momentum), decay = hn::Set(d, step.decay);
    for (int64_t i = begin; i < end; i += static_cast<int64_t>(hn::Lanes(d))) {
      const auto p = hn::LoadU(d, parameters + i);
      const auto g = hn::MulAdd(decay, p, hn::LoadU(d, gradient + i));
      const auto v = hn::MulAdd(momentum, hn::LoadU(d, velocity + i), g);
      hn::StoreU(v, d, velocity + i);
      hn::StoreU(hn::MulAdd(rate, step.nesterov ? hn::MulAdd(momentum, v, g) : v, p), d, parameters + i);
    }
  };
  const hn::ScalableTag<float> d;
  const int64_t whole = n - n % static_cast<int64_t>(hn::Lanes(d));
  run(d, 0, whole);
  run(hn::CappedTag<float, 1>(), whole, n);
}

// Exported by name: templates cannot be.
#define ODENET_INSTANTIATE(T, suffix)                                                                                 \
  void moments_##suffix(const Shape& s, const T* x, const TimePlane& plane, double* sum, double* square) {            \
    moments_of(s, x, plane, sum, square);                                                                             \
  }                                                                                                                   \
  void forward_##suffix(const Shape& s, const Forward<T>& args) { forward_of(s, args); }                              \
  void backward_sums_##suffix(const Shape& s, const Masked<T>& args, const float* mean, T* g, double* sum_g,          \
                              double* sum_gx) {                                                                       \
    backward_sums_of(s, args, mean, g, sum_g, sum_gx);                                                                \
  }                                                                                                                   \
  void backward_input_##suffix(const Shape& s, const Masked<T>& args, const float* a, const float* b, const float* c, \
                               T* dx, float* dplane) {                                                                \
    backward_input_of(s, args, a, b, c, dx, dplane);                                                                  \
  }
ODENET_INSTANTIATE(float, f32)
ODENET_INSTANTIATE(Bfloat16, bf16)
#undef ODENET_INSTANTIATE

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace odenet::nn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace odenet::nn::kernels {

#define ODENET_DISPATCH(T, suffix)                                                                               \
  HWY_EXPORT(moments_##suffix);                                                                                  \
  HWY_EXPORT(forward_##suffix);                                                                                  \
  HWY_EXPORT(backward_sums_##suffix);                                                                            \
  HWY_EXPORT(backward_input_##suffix);                                                                           \
  template <>                                                                                                    \
  void moments(const Shape& shape, const T* x, TimePlane plane, double* sum, double* square) {                   \
    HWY_DYNAMIC_DISPATCH(moments_##suffix)(shape, x, plane, sum, square);                                        \
  }                                                                                                              \
  template <>                                                                                                    \
  void forward(const Shape& shape, const Forward<T>& args) {                                                     \
    HWY_DYNAMIC_DISPATCH(forward_##suffix)(shape, args);                                                         \
  }                                                                                                              \
  template <>                                                                                                    \
  void backward_sums(const Shape& shape, const Masked<T>& args, const float* mean, T* g, double* sum_g,          \
                     double* sum_gx) {                                                                           \
    HWY_DYNAMIC_DISPATCH(backward_sums_##suffix)(shape, args, mean, g, sum_g, sum_gx);                           \
  }                                                                                                              \
  template <>                                                                                                    \
  void backward_input(const Shape& shape, const Masked<T>& args, const float* a, const float* b, const float* c, \
                      T* dx, float* dplane) {                                                                    \
    HWY_DYNAMIC_DISPATCH(backward_input_##suffix)(shape, args, a, b, c, dx, dplane);                             \
  }
ODENET_DISPATCH(float, f32)
ODENET_DISPATCH(Bfloat16, bf16)
#undef ODENET_DISPATCH

HWY_EXPORT(sgd_of);
void sgd(int64_t n, const SgdStep& step, const float* gradient, float* parameters, float* velocity) {
  HWY_DYNAMIC_DISPATCH(sgd_of)(n, step, gradient, parameters, velocity);
}

HWY_EXPORT(target_name);
const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace odenet::nn::kernels
#endif
