#include "nn/network.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>

namespace odenet::nn {

namespace {

// A module that only gives its children a common prefix.
std::shared_ptr<torch::nn::Module> group() { return std::make_shared<torch::nn::Module>(); }

}  // namespace

BlockImpl::BlockImpl(const NetworkSpec& spec, const Stage& stage, int index)
    : stage_(stage), name_(block_name(stage, index)), step_size_(spec.step_size(stage)), skip_(stage.skip(index)) {
  const int executions = stage.ode ? stage.executions : 0;
  ConvOptions options{.in_channels = stage.in_channels,
                      .channels = stage.channels,
                      .stride = stage.stride,
                      .body = stage.body,
                      .time = stage.ode};
  conv1_ = register_module("conv1", Conv(options));
  bn1_ = register_module("bn1", Norm(stage.channels, executions, stage.norm));
  options.in_channels = stage.channels;
  options.stride = 1;
  conv2_ = register_module("conv2", Conv(options));
  bn2_ = register_module("bn2", Norm(stage.channels, executions, stage.norm));
  if (!stage.projects(index)) return;
  projection_ = register_module(
      "shortcut",
      Conv(ConvOptions{
          .in_channels = stage.in_channels, .channels = stage.channels, .stride = stage.stride, .kernel = 1}));
  projection_norm_ = projection_->register_module("bn", Norm(stage.channels, 0, stage.norm));
}

Forked BlockImpl::forward(const Forked& x, const TensorTap& tap) {
  return stage_.ode ? integrate(x, tap) : residual(x, tap);
}

Forked BlockImpl::residual(const Forked& x, const TensorTap& tap) {
  const auto added = skip_ == Skip::kNone ? torch::Tensor() : shortcut(x.skip);
  const auto added_if = [&](Skip skip) { return skip_ == skip ? added : torch::Tensor(); };
  const auto hidden = bn1_(conv1_(x.main), NormOptions{.relu = true, .residual = added_if(Skip::kShort)});
  if (tap) tap(name_ + ".hidden", hidden);
  const auto y = bn2_->forked(conv2_(hidden), {.relu = true, .residual = added_if(Skip::kFull)});
  if (tap) tap(name_, y.main);
  return y;
}

Forked BlockImpl::integrate(Forked z, const TensorTap& tap) {
  const auto plane1 = conv1_->time_plane(z.main.size(2), z.main.size(3));
  const auto plane2 = conv2_->time_plane(z.main.size(2), z.main.size(3));
  for (int i = 0; i < stage_.executions; ++i) {
    const double t = i * step_size_;
    const auto hidden = bn1_(conv1_(z.main), NormOptions{.relu = true, .plane = plane1, .time = t}, i);
    z = bn2_->forked(conv2_(hidden), {.gain = step_size_, .residual = z.skip, .plane = plane2, .time = t}, i);
    if (tap) {
      const std::string point = fmt::format("{}[{}]", name_, i);
      tap(point + ".hidden", hidden);
      tap(point, z.main);
    }
  }
  return z;
}

torch::Tensor BlockImpl::shortcut(const torch::Tensor& x) {
  if (projection_) return projection_norm_(projection_(x), NormOptions());
  return stage_.changes_shape() ? subsample_and_pad(x, stage_.stride, stage_.channels) : x;
}

NetworkImpl::NetworkImpl(NetworkSpec spec) : spec_(std::move(spec)) {
  stem_ =
      register_module("conv1", Conv(ConvOptions{.in_channels = spec_.in_channels, .channels = spec_.stem_channels}));
  stem_norm_ = stem_->register_module("bn", Norm(spec_.stem_channels));
  for (const Stage& stage : spec_.stages) {
    const auto members = register_module(stage.name, group());
    for (int i = 0; i < stage.blocks; ++i)
      blocks_.push_back(members->register_module(std::to_string(i), Block(spec_, stage, i)));
  }
  const auto fc = register_module("fc", group());
  const double bound = 1.0 / std::sqrt(spec_.features());
  const auto init = [&](torch::IntArrayRef shape) { return torch::empty(shape).uniform_(-bound, bound); };
  fc_weight_ = fc->register_parameter("weight", init({spec_.classes, spec_.features()}));
  fc_bias_ = fc->register_parameter("bias", init({spec_.classes}));
}

torch::Tensor NetworkImpl::forward(const torch::Tensor& images, const TensorTap& tap) {
  const auto observe = [&](const char* point, const torch::Tensor& value) {
    if (tap) tap(point, value);
  };
  Forked x = stem_norm_->forked(stem_(images), {.relu = true});
  observe("conv1", x.main);
  for (Block& block : blocks_) x = block(x, tap);
  const bool narrow = x.main.scalar_type() == torch::kBFloat16;  // then the rest is float32 all the same
  const auto pooled = x.main.mean({2, 3}, /*keepdim=*/false, narrow ? torch::kFloat32 : x.main.scalar_type());
  observe("pool", pooled);
  const auto logits = torch::linear(pooled, fc_weight_, fc_bias_);
  observe("fc", logits);
  return logits;
}

}  // namespace odenet::nn
