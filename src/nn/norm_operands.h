// What the fused norms, over a batch and over an image, have in common: tensors as operands of nn/norm_kernels.h.
// Private to this folder.
#pragma once

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <span>
#include <vector>

#include "core/error.h"
#include "nn/fused_norm.h"
#include "nn/norm_kernels.h"

namespace odenet::nn {

inline constexpr auto kNhwc = torch::MemoryFormat::ChannelsLast;
inline constexpr int64_t kParts = 16;  // of the images; fixed, so that sums do not depend on the number of threads

inline bool has_kernels(const torch::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

// Of backward passes by these kernels: they leave no graph.
inline void refuse_second_derivative() {
  if (c10::GradMode::is_enabled())
    throw Error(
        "a second derivative is asked of the CPU's fused kernels, which give the first only; compute in float64");
}

// Autograd's functions take tensors that may be absent as optional ones.
inline c10::optional<torch::Tensor> nhwc_if(bool present, const torch::Tensor& tensor) {
  return present ? c10::make_optional(tensor.contiguous(kNhwc)) : c10::nullopt;
}
inline bool has_time(const NormOptions& options) { return options.plane.defined() && options.time != 0; }

// What surrounds the norm, by LibTorch's operations.
inline torch::Tensor add_time(const torch::Tensor& x, const NormOptions& options) {
  return has_time(options) ? x + (options.time * options.plane).to(x.scalar_type()) : x;
}
inline torch::Tensor finish(torch::Tensor y, const NormOptions& options) {
  if (options.residual.defined())
    y = torch::add(options.residual, y, options.gain);
  else if (options.gain != 1)
    y = y * options.gain;
  return options.relu ? y.relu() : y;
}

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

// The gradients of an output that was returned twice, as x is stored. `first` is undefined where there is none.
struct OutputGradients {
  torch::Tensor first, second;
};
inline OutputGradients output_gradients(const torch::Tensor& x, std::span<const torch::Tensor> gradients) {
  const auto as_x = [&](const torch::Tensor& t) { return t.defined() ? t.to(x.scalar_type()).contiguous(kNhwc) : t; };
  if (!gradients[0].defined()) return {as_x(gradients[1]), {}};
  return {as_x(gradients[0]), as_x(gradients[1])};
}

// What a fused norm's backward pass finds of its forward pass. table: rows of kRows values per channel; y: the output,
// where it tells what the ReLU let through.
struct SavedNorm {
  Operands in;
  torch::Tensor table, y;
  double gain;
  bool training, relu, residual;
  OutputGradients output;

  SavedNorm(torch::autograd::AutogradContext* ctx, std::span<const torch::Tensor> gradients)
      : gain(ctx->saved_data["gain"].toDouble()),
        training(ctx->saved_data["training"].toBool()),
        relu(ctx->saved_data["relu"].toBool()),
        residual(ctx->saved_data["residual"].toBool()) {
    const auto saved = ctx->get_saved_variables();
    in = {saved[0], saved[2], ctx->saved_data["time"].toDouble()};
    table = saved[1];
    y = saved[3];
    output = output_gradients(in.x, gradients);
  }

  // For the gradient before the ReLU, of two outputs and for the residual, where it is not simply that of the output.
  torch::Tensor kept() const {
    return residual && (relu || output.second.defined()) ? torch::empty_like(output.first) : torch::Tensor();
  }
  torch::Tensor residual_gradient(const torch::Tensor& kept) const {
    return !residual ? torch::Tensor() : kept.defined() ? kept : output.first;
  }
};

// Returns the output twice: see Forked.
inline torch::autograd::tensor_list save_norm(torch::autograd::AutogradContext* ctx, const Operands& in,
                                              const torch::Tensor& table, const torch::Tensor& y,
                                              const NormOptions& options) {
  const bool residual = options.residual.defined();
  ctx->save_for_backward({in.x, table, in.plane, options.relu && residual ? y : torch::Tensor()});
  ctx->saved_data["time"] = in.time;
  ctx->saved_data["gain"] = options.gain;
  ctx->saved_data["training"] = options.training;
  ctx->saved_data["relu"] = options.relu;
  ctx->saved_data["residual"] = residual;
  ctx->set_materialize_grads(false);
  return {y, y.detach()};
}

// Each part's sum of dx over its images, [kParts, pixels * C]; undefined without a time plane.
inline torch::Tensor no_plane_sums(const Operands& in) {
  const kernels::Shape shape = shape_of(in.x);
  return in.plane.defined() ? torch::zeros({kParts, shape.pixels * shape.channels}, torch::kFloat32) : torch::Tensor();
}
inline torch::Tensor plane_gradient(const Operands& in, const torch::Tensor& sums) {
  if (!in.plane.defined()) return {};
  return sums.sum(0).mul_(in.time).view({1, in.x.size(2), in.x.size(3), in.x.size(1)}).permute({0, 3, 1, 2});
}

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
