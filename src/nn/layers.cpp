#include "nn/layers.h"

#include <torch/nn/init.h>
#include <torch/torch.h>

#include "nn/instance_norm.h"
#include "spec/network_spec.h"

namespace odenet::nn {

ConvImpl::ConvImpl(const ConvOptions& options) : options_(options) {
  const bool separable = options_.body == Body::kSeparable;
  const int64_t channels = options_.channels, in_channels = options_.in_channels;
  const int64_t kernel = separable ? 1 : options_.kernel;
  const auto normal = [](torch::IntArrayRef shape) {
    return torch::nn::init::kaiming_normal_(torch::empty(shape), 0.0, torch::kFanOut, torch::kReLU)
        .contiguous(torch::MemoryFormat::ChannelsLast);
  };
  if (separable)  // nothing follows it but the pointwise convolution
    depthwise_ = register_parameter("depthwise", torch::nn::init::kaiming_normal_(torch::empty({in_channels, 1, 3, 3}),
                                                                                  0.0, torch::kFanIn, torch::kLinear));
  weight_ = register_parameter("weight", normal({channels, in_channels, kernel, kernel}));
  if (options_.time) time_weight_ = register_parameter("time_weight", normal({channels, 1, kernel, kernel}));
}

torch::Tensor ConvImpl::forward(const torch::Tensor& x) const {
  const auto weight = used(weight_, /*scaled=*/true, x.scalar_type());
  const int64_t stride = options_.stride;
  if (!depthwise_.defined()) return torch::conv2d(x, weight, {}, stride, /*padding=*/options_.kernel / 2);
  const auto filtered = torch::conv2d(x, used(depthwise_, /*scaled=*/false, x.scalar_type()), {}, stride,
                                      /*padding=*/1, /*dilation=*/1, /*groups=*/options_.in_channels);
  return torch::conv2d(quantized_ ? fake_quantize(filtered, quantized_->filtered) : filtered, weight);
}

// scaled: a norm follows, which can take a power of two from each output channel.
torch::Tensor ConvImpl::used(const torch::Tensor& weight, bool scaled, torch::ScalarType type) const {
  return (quantized_ ? fake_quantize_weight(weight, quantized_->bits, scaled) : weight).to(type);
}

void ConvImpl::set_quantization(int bits, fixed::Format filtered) { quantized_ = Quantized{bits, filtered}; }

torch::Tensor ConvImpl::time_plane(int64_t height, int64_t width) const {
  const auto ones = torch::ones({1, 1, height, width}, time_weight_.options());
  return torch::conv2d(ones, time_weight_, {}, /*stride=*/1, /*padding=*/time_weight_.size(2) / 2)
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

NormImpl::NormImpl(int channels, int executions, NormKind kind) : per_execution_(executions > 0) {
  weight_ = register_parameter("weight", torch::ones({channels}));
  bias_ = register_parameter("bias", torch::zeros({channels}));
  if (kind == NormKind::kInstance) return;
  const std::vector<int64_t> shape =
      per_execution_ ? std::vector<int64_t>{executions, channels} : std::vector<int64_t>{channels};
  running_mean_ = register_buffer("running_mean", torch::zeros(shape));
  running_var_ = register_buffer("running_var", torch::ones(shape));
}

torch::Tensor NormImpl::forward(const torch::Tensor& x, const NormOptions& options, int execution) {
  return forked(x, options, execution).main;
}

torch::Tensor NormImpl::observe(const torch::Tensor& x, NormOptions options, int execution, BatchStatistics& batch) {
  if (!running_mean_.defined() || !is_training()) return forward(x, options, execution);
  NormState state = state_of(execution);
  batch = {torch::zeros_like(state.running_mean), torch::zeros_like(state.running_var)};
  state.running_mean = batch.mean;
  state.running_var = batch.var;
  options.training = true;
  options.momentum = 1;
  return fused_norm(x, state, options);
}

void NormImpl::move(const BatchStatistics& batch, int execution) {
  if (!batch.mean.defined()) return;
  const torch::NoGradGuard no_grad;
  const NormState state = state_of(execution);
  // data(): the backward pass of LibTorch's norm refuses statistics that were written since, though it reads none.
  state.running_mean.data().lerp_(batch.mean, momentum_);
  state.running_var.data().lerp_(batch.var, momentum_);
}

Forked NormImpl::forked(const torch::Tensor& x, NormOptions options, int execution) {
  if (!running_mean_.defined()) return instance_norm(x, weight_, bias_, options);
  options.training = is_training();
  if (options.momentum != 0) options.momentum = momentum_;
  return fused_norm_forked(x, state_of(execution), options);
}

NormState NormImpl::state_of(int execution) const {
  return {.weight = weight_,
          .bias = bias_,
          .running_mean = per_execution_ ? running_mean_[execution] : running_mean_,
          .running_var = per_execution_ ? running_var_[execution] : running_var_};
}

}  // namespace odenet::nn
