// Batch normalisation with everything that surrounds it in a block as one autograd function:
//
//   y = act(gain * norm(x + time * plane) + residual),   norm(c) = (c - mean) / sqrt(var + epsilon) * weight + bias
//
//   auto hidden = fused_norm(conv1(x), {weight, bias, running_mean, running_var}, {.training = true, .relu = true});
//
// x: [N, C, H, W], float32 or bfloat16; weight, bias and statistics float32. In training mean and var are those of the
// batch, over N, H and W, and the running statistics move towards them by `momentum` (var unbiased, as in PyTorch).
// On the CPU the forward pass reads x twice and the backward pass twice, in loops of nn/norm_kernels.h over NHWC
// memory; other devices and types take LibTorch's operations one by one. Sums are split over a fixed number of parts,
// so the number of threads does not change the result. Second derivatives are those of other types and devices only.
#pragma once

#include <torch/types.h>

#include <functional>
#include <span>

namespace odenet::nn {

struct NormState {
  torch::Tensor weight, bias;               // [C]
  torch::Tensor running_mean, running_var;  // [C], updated in training
};

struct NormOptions {
  bool training = false;
  bool relu = false;
  double gain = 1;
  double momentum = 0.1;
  torch::Tensor residual = {};  // as x, or undefined
  torch::Tensor plane = {};     // [1, C, H, W] float32, or undefined
  double time = 0;
};

torch::Tensor fused_norm(const torch::Tensor& x, const NormState& state, const NormOptions& options);

// An activation with two users, a block's first convolution and its shortcut: both members are the same memory. Their
// gradients are added within the norm's backward pass, not in a pass of its own.
struct Forked {
  torch::Tensor main, skip;
};
Forked fused_norm_forked(const torch::Tensor& x, const NormState& state, const NormOptions& options);

// For processes that share each batch: `sum` replaces every value by its sum over the processes, so that the statistics
// are those of the whole batch. Empty, as at the start: this process is alone. CPU only; elsewhere each process takes
// the statistics of its own images.
void sum_statistics_with(std::function<void(std::span<double>)> sum);

// The same by LibTorch's operations, whatever the device.
torch::Tensor composed_norm(const torch::Tensor& x, const NormState& state, const NormOptions& options);

// Shortcut of option A (K. He et al., 2016): every `stride`-th row and column, zero channels appended up to `channels`.
torch::Tensor subsample_and_pad(const torch::Tensor& x, int64_t stride, int64_t channels);

}  // namespace odenet::nn
