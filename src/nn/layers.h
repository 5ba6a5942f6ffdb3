// The layers that odenet's blocks are made of, as LibTorch modules. Activations are [N, C, H, W], best in channels-last
// memory, which LibTorch's CPU kernels run about twice as fast here.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <optional>

#include "nn/fake_quant.h"
#include "nn/fused_norm.h"
#include "spec/network_spec.h"

namespace odenet::nn {

// How one convolution of a network looks: 3x3 with padding 1, or depthwise 3x3 with padding 1 and pointwise 1x1
// (Body::kSeparable, the stride in the depthwise part), or 1x1 alone (kernel 1). No bias.
struct ConvOptions {
  int in_channels = 0, channels = 0;
  int stride = 1;
  int kernel = 3;
  Body body = Body::kPlain;
  bool time = false;
};

// With `time`, one more input channel (of the pointwise part, if there is one): the constant t, zero-padded like the
// others (ConcatConv2d of torchdiffeq). Since it is constant over the batch and the inner pixels it is kept apart, as
//   conv(x, weight) + t * conv(1, time_weight),
// which spares the copy and the odd 65th channel of a concatenation. Weights are cast to the type of x.
class ConvImpl : public torch::nn::Module {
 public:
  explicit ConvImpl(const ConvOptions& options);

  torch::Tensor forward(const torch::Tensor& x) const;

  // The response to a plane of ones, [1, channels, H, W] for an output of H x W; the same for all executions of a
  // forward pass.
  torch::Tensor time_plane(int64_t height, int64_t width) const;

  // Weights as those of an integer network of `bits` bits; the depthwise result in the format `filtered`.
  void set_quantization(int bits, fixed::Format filtered);

 private:
  struct Quantized {
    int bits;
    fixed::Format filtered;
  };
  torch::Tensor used(const torch::Tensor& weight, bool scaled, torch::ScalarType type) const;

  ConvOptions options_;
  std::optional<Quantized> quantized_;
  torch::Tensor depthwise_;    // "depthwise" [in_channels, 1, 3, 3], if separable
  torch::Tensor weight_;       // "weight" [channels, in_channels, k, k]
  torch::Tensor time_weight_;  // "time_weight" [channels, 1, k, k], if time
};
TORCH_MODULE(Conv);

struct BatchStatistics {
  torch::Tensor mean, var;  // [channels], var unbiased; undefined where a norm keeps no running ones
};

// Batch normalisation whose running statistics are kept per execution, since an ODEBlock run M times sees M
// distributions; or instance normalisation, which keeps none. Weight and bias are shared, so the parameter count does
// not depend on M.
class NormImpl : public torch::nn::Module {
 public:
  // executions = 0: an ordinary norm with statistics [channels]; otherwise [executions, channels].
  explicit NormImpl(int channels, int executions = 0, NormKind kind = NormKind::kBatch);

  // options.training is the module's own.
  torch::Tensor forward(const torch::Tensor& x, const NormOptions& options, int execution = 0);

  // For an evaluation that may not count: the running statistics stay as they are, and those of the batch are left in
  // `batch` for move(), which lets the running ones follow.
  torch::Tensor observe(const torch::Tensor& x, NormOptions options, int execution, BatchStatistics& batch);
  void move(const BatchStatistics& batch, int execution);
  Forked forked(const torch::Tensor& x, NormOptions options, int execution = 0);

  // Of the running statistics, in place of NormOptions' own; but a momentum of 0 there leaves them alone.
  void set_momentum(double momentum) { momentum_ = momentum; }

 private:
  NormState state_of(int execution) const;

  bool per_execution_;
  double momentum_ = NormOptions().momentum;
  torch::Tensor weight_, bias_;               // "weight", "bias" [channels]
  torch::Tensor running_mean_, running_var_;  // [channels] or [executions, channels]; undefined with kInstance
};
TORCH_MODULE(Norm);

}  // namespace odenet::nn
