#include "nn/layers.h"

#include <torch/nn/init.h>
#include <torch/torch.h>

#include "spec/network_spec.h"

namespace odenet::nn {

Conv3x3Impl::Conv3x3Impl(int in_channels, int channels, int stride, bool time) : stride_(stride) {
  const auto init = [](const torch::Tensor& w) {
    return torch::nn::init::kaiming_normal_(w, 0.0, torch::kFanOut, torch::kReLU);
  };
  weight_ = torch::empty({channels, in_channels, 3, 3});
  weight_ = register_parameter("weight", init(weight_).contiguous(torch::MemoryFormat::ChannelsLast));
  if (time) time_weight_ = register_parameter("time_weight", init(torch::empty({channels, 1, 3, 3})));
}

torch::Tensor Conv3x3Impl::forward(const torch::Tensor& x) const {
  return torch::conv2d(x, weight_.to(x.scalar_type()), {}, stride_, /*padding=*/1);
}

torch::Tensor Conv3x3Impl::time_plane(int64_t height, int64_t width) const {
  const auto ones = torch::ones({1, 1, height, width}, time_weight_.options());
  return torch::conv2d(ones, time_weight_, {}, stride_, /*padding=*/1).contiguous(torch::MemoryFormat::ChannelsLast);
}

NormImpl::NormImpl(int channels, int executions) : per_execution_(executions > 0) {
  weight_ = register_parameter("weight", torch::ones({channels}));
  bias_ = register_parameter("bias", torch::zeros({channels}));
  const std::vector<int64_t> shape =
      per_execution_ ? std::vector<int64_t>{executions, channels} : std::vector<int64_t>{channels};
  running_mean_ = register_buffer("running_mean", torch::zeros(shape));
  running_var_ = register_buffer("running_var", torch::ones(shape));
}

torch::Tensor NormImpl::forward(const torch::Tensor& x, const NormOptions& options, int execution) {
  return forked(x, options, execution).main;
}

Forked NormImpl::forked(const torch::Tensor& x, NormOptions options, int execution) {
  options.training = is_training();
  return fused_norm_forked(x,
                           {.weight = weight_,
                            .bias = bias_,
                            .running_mean = per_execution_ ? running_mean_[execution] : running_mean_,
                            .running_var = per_execution_ ? running_var_[execution] : running_var_},
                           options);
}

}  // namespace odenet::nn
