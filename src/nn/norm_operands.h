// What the fused norms, over a batch and over an image, have in common: tensors as operands of nn/norm_kernels.h.
// Private to this folder.
#pragma once

#include <torch/types.h>

#include <vector>

#include "nn/norm_kernels.h"

namespace odenet::nn {

inline constexpr auto kNhwc = torch::MemoryFormat::ChannelsLast;

// Rows of per-channel values that the backward pass needs.
enum Row : int64_t { kMean, kInverse, kScale, kShift, kRows };

inline kernels::Shape shape_of(const torch::Tensor& x) { return {x.size(0), x.size(2) * x.size(3), x.size(1)}; }

template <typename T>
T* data(const torch::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

// From image `first` on; null if there is no tensor. NHWC without gaps.
template <typename T>
T* images_of(const torch::Tensor& tensor, int64_t first) {
  return tensor.defined() ? data<T>(tensor) + first * tensor.stride(0) : nullptr;
}

// Calls run with a value of the kernels' element type.
template <typename Run>
void with_element(const torch::Tensor& x, const Run& run) {
  if (x.scalar_type() == torch::kBFloat16)
    run(kernels::Bfloat16());
  else
    run(float());
}

struct Operands {
  torch::Tensor x, plane;
  double time;

  template <typename T>
  const T* images(int64_t first) const {
    return images_of<T>(x, first);
  }
  kernels::TimePlane time_plane() const { return {data<float>(plane), static_cast<float>(time)}; }
};

// scale and shift of gain * norm(x') from the rows of mean and inverse deviation. rows: [kRows, C]
inline void fill_affine(float* rows, int64_t channels, const float* weight, const float* bias, double gain) {
  const auto g = static_cast<float>(gain);
  for (int64_t c = 0; c < channels; ++c) {
    float& scale = rows[kScale * channels + c];
    scale = g * weight[c] * rows[kInverse * channels + c];
    rows[kShift * channels + c] = g * bias[c] - rows[kMean * channels + c] * scale;
  }
}

// The factors of dx = a g + b x' + c, where dx = scale (g - mean(g) - x^ mean(g x^)) and x^ = (x' - mean) inverse:
// appended for each channel. sums: of g and of g (x' - mean), [2, C], over `count` pixels.
struct InputGradient {
  std::vector<float> a, b, c;

  void append(const float* rows, int64_t channels, const double* sums, double count) {
    for (int64_t i = 0; i < channels; ++i) {
      const double inverse = rows[kInverse * channels + i], scale = rows[kScale * channels + i];
      const double slope = -scale * inverse * inverse * sums[channels + i] / count;
      a.push_back(static_cast<float>(scale));
      b.push_back(static_cast<float>(slope));
      c.push_back(static_cast<float>(-scale * sums[i] / count - slope * rows[kMean * channels + i]));
    }
  }
  // Statistics that are constants take no part.
  void append_constant(const float* rows, int64_t channels) {
    for (int64_t i = 0; i < channels; ++i) {
      a.push_back(rows[kScale * channels + i]);
      b.push_back(0);
      c.push_back(0);
    }
  }
};

}  // namespace odenet::nn
