// The layers that odenet's blocks are made of, as LibTorch modules. Activations are [N, C, H, W], best in channels-last
// memory, which LibTorch's CPU kernels run about twice as fast here.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "nn/fused_norm.h"

namespace odenet::nn {

// 3x3 convolution, padding 1, no bias. With `time`, one more input channel: the constant t, zero-padded like the others
// (ConcatConv2d of torchdiffeq). Since it is constant over the batch and the inner pixels it is kept apart, as
//   conv(x, weight) + t * conv(1, time_weight),
// which spares the copy and the odd 65th channel of a concatenation. Weights are cast to the type of x.
class Conv3x3Impl : public torch::nn::Module {
 public:
  Conv3x3Impl(int in_channels, int channels, int stride, bool time);

  torch::Tensor forward(const torch::Tensor& x) const;

  // The response to a plane of ones, [1, channels, H, W]; the same for all executions of a forward pass.
  torch::Tensor time_plane(int64_t height, int64_t width) const;

 private:
  int stride_;
  torch::Tensor weight_;       // "weight" [channels, in_channels, 3, 3]
  torch::Tensor time_weight_;  // "time_weight" [channels, 1, 3, 3], if time
};
TORCH_MODULE(Conv3x3);

// Batch normalisation whose running statistics are kept per execution: an ODEBlock run M times sees M distributions.
// Weight and bias are shared, so the parameter count does not depend on M.
class NormImpl : public torch::nn::Module {
 public:
  // executions = 0: an ordinary norm with statistics [channels]; otherwise [executions, channels].
  explicit NormImpl(int channels, int executions = 0);

  // options.training is the module's own.
  torch::Tensor forward(const torch::Tensor& x, const NormOptions& options, int execution = 0);
  Forked forked(const torch::Tensor& x, NormOptions options, int execution = 0);

 private:
  bool per_execution_;
  torch::Tensor weight_, bias_;               // "weight", "bias" [channels]
  torch::Tensor running_mean_, running_var_;  // [channels] or [executions, channels]
};
TORCH_MODULE(Norm);

}  // namespace odenet::nn
