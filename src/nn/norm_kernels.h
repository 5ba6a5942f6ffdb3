// The inner loops of the fused norm (nn/fused_norm.h): one thread's share of images, vectorised with Highway, the
// widest instructions chosen at run time. No LibTorch.
//
// All tensors are NHWC without gaps, [images, pixels, channels], of float or bfloat16 (kept as its upper 16 bits,
// rounded to nearest even). Arithmetic is float32. With a time plane, x' = x + time * plane; otherwise x' = x.
//
// The second pass over a tensor, forward() or backward_input(), runs from the last image to the first: what the pass
// before read last is still in the cache.
#pragma once

#include <cstdint>

namespace odenet::nn::kernels {

using Bfloat16 = uint16_t;

struct Shape {
  int64_t images = 0, pixels = 0, channels = 0;
};

struct TimePlane {
  const float* plane = nullptr;  // [pixels, channels], or null
  float time = 0;
};

// sum[c] += sum of x'[c], square[c] += sum of x'[c]^2
template <typename T>
void moments(const Shape& shape, const T* x, TimePlane plane, double* sum, double* square);

// y = scale x' + shift (+ residual), then ReLU if asked
template <typename T>
struct Forward {
  const T* x;
  TimePlane plane;
  const float *scale, *shift;   // [channels]
  const T* residual = nullptr;  // as x, or null
  bool relu = false;
  T* y;
};
template <typename T>
void forward(const Shape& shape, const Forward<T>& args);

// The gradient before the ReLU, g, is, with d = dy (+ dy2),
//   d                               without ReLU
//   d where y > 0                   with ReLU, if `y` is given
//   d where scale x' + shift > 0    with ReLU otherwise
template <typename T>
struct Masked {
  const T* dy;
  const T* dy2 = nullptr;  // a second gradient of the same output, or null
  const T* x;
  TimePlane plane;
  const float *scale, *shift;  // [channels]
  const T* y = nullptr;
  bool relu = false;
};

// sum_g[c] += sum of g, sum_gx[c] += sum of g (x' - mean[c]). Keeps g in `g` unless that is null.
template <typename T>
void backward_sums(const Shape& shape, const Masked<T>& args, const float* mean, T* g, double* sum_g, double* sum_gx);

// dx = a g + b x' + c per channel. dplane[pixels, channels] += dx of every image, unless null.
template <typename T>
void backward_input(const Shape& shape, const Masked<T>& args, const float* a, const float* b, const float* c, T* dx,
                    float* dplane);

// One step of SGD over n values; the decay is L2, added to the gradient. Momentum is PyTorch's: v = momentum v + d,
// p -= rate v, or with Nesterov p -= rate (d + momentum v).
struct SgdStep {
  float rate, momentum, decay;
  bool nesterov;
};
void sgd(int64_t n, const SgdStep& step, const float* gradient, float* parameters, float* velocity);

// The name of the instruction set in use: "AVX3", "AVX2", ...
const char* instruction_set();

}  // namespace odenet::nn::kernels
