#include "nn/network.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "nn/block_field.h"
#include "nn/integration.h"
#include "ode/gradient.h"

namespace odenet::nn {

namespace {

// Euler's steps in bfloat16 keep z in that type, and lose increments below 2^-9 |z|. Steps above this number, and all
// other solvers', keep it in float32.
constexpr int kFewSteps = 16;

bool is_narrow(const torch::Tensor& x) { return x.scalar_type() == torch::kBFloat16; }

// A module that only gives its children a common prefix.
std::shared_ptr<torch::nn::Module> group() { return std::make_shared<torch::nn::Module>(); }

// As an integer network has it at that point; x itself without quantization.
torch::Tensor rounded(const Quantization* quantization, std::string_view point, const torch::Tensor& x) {
  return quantization ? fake_quantize(x, quantization->formats.activation_of(point)) : x;
}

}  // namespace

BlockImpl::BlockImpl(const NetworkSpec& spec, const Stage& stage, int index)
    : stage_(stage),
      name_(block_name(stage, index)),
      step_size_(spec.step_size(stage)),
      end_time_(spec.end_time),
      skip_(stage.skip(index)) {
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
  if (!stage_.ode) return residual(x, tap);
  // Where the graph of all steps is wanted, or none.
  const bool graph = gradient_ == ode::Gradient::kBackprop || !torch::GradMode::is_enabled();
  const bool exact = quantization_ || !is_narrow(x.main) || stage_.executions <= kFewSteps;
  return eulers() && graph && exact ? euler(x, tap) : solve(x, tap);
}

bool BlockImpl::eulers() const { return stage_.solver == Stage().solver && !stage_.adaptive(); }

void BlockImpl::set_quantization(std::shared_ptr<const Quantization> quantization) {
  if (stage_.ode && !(eulers() && gradient_ == ode::Gradient::kBackprop))
    throw Error("{}: quantization needs Euler's fixed steps and gradient backprop, it has solver '{}', steps {}", name_,
                stage_.solver, stage_.steps.controller);
  quantization_ = std::move(quantization);
  const fixed::Formats& formats = quantization_->formats;
  conv1_->set_quantization(quantization_->bits, formats.activation_of(name_ + ".conv1.depthwise"));
  conv2_->set_quantization(quantization_->bits, formats.activation_of(name_ + ".conv2.depthwise"));
  if (projection_) projection_->set_quantization(quantization_->bits, formats.activation);
}

torch::Tensor BlockImpl::rounded(const std::string& point, const torch::Tensor& x) const {
  return nn::rounded(quantization_.get(), point, x);
}

void BlockImpl::set_gradient(ode::Gradient gradient) {
  if (stage_.ode) ode::check_pair(gradient, ode::find_solver(stage_.solver));
  if (stage_.ode && quantization_ && gradient != ode::Gradient::kBackprop)
    throw Error("{}: quantization needs gradient backprop, not {}", name_, ode::row_of(gradient).name);
  gradient_ = gradient;
}

Forked BlockImpl::activated(Norm& norm, const torch::Tensor& c, const torch::Tensor& added, const std::string& point) {
  if (!quantization_) return norm->forked(c, {.relu = true, .residual = added});
  auto y = rounded(point, norm(c, NormOptions()));
  if (added.defined()) y = rounded(point, y + rounded(point, added));
  y = torch::relu(y);
  return {y, y};
}

Forked BlockImpl::residual(const Forked& x, const TensorTap& tap) {
  const auto added = skip_ == Skip::kNone ? torch::Tensor() : shortcut(x.skip);
  const auto added_if = [&](Skip skip) { return skip_ == skip ? added : torch::Tensor(); };
  const auto hidden = activated(bn1_, conv1_(x.main), added_if(Skip::kShort), name_ + ".hidden").main;
  if (tap) tap(name_ + ".hidden", hidden);
  const auto y = activated(bn2_, conv2_(hidden), added_if(Skip::kFull), name_);
  if (tap) tap(name_, y.main);
  return y;
}

Forked BlockImpl::euler(Forked z, const TensorTap& tap) {
  const auto plane1 = conv1_->time_plane(z.main.size(2), z.main.size(3));
  const auto plane2 = conv2_->time_plane(z.main.size(2), z.main.size(3));
  const auto on_grid = [&](const Forked& state) {  // z is, so that rounding the sum rounds the addend
    if (!quantization_) return state;
    const auto y = rounded(name_, state.main);
    return Forked{y, y};
  };
  z = on_grid(z);
  for (int i = 0; i < stage_.executions; ++i) {
    const double t = i * step_size_;
    const auto hidden =
        rounded(name_ + ".hidden", bn1_(conv1_(z.main), NormOptions{.relu = true, .plane = plane1, .time = t}, i));
    ++work_->forward.evaluations;
    z = on_grid(bn2_->forked(conv2_(hidden), {.gain = step_size_, .residual = z.skip, .plane = plane2, .time = t}, i));
    if (tap) {
      const std::string point = fmt::format("{}[{}]", name_, i);
      tap(point + ".hidden", hidden);
      tap(point, z.main);
    }
  }
  return z;
}

// "[i].hidden" is of evaluation i; "[i]" is given of the last one only, the state at the end: the other solvers' states
// are not those after an evaluation. Adaptive steps have the end only, as "[0]": how many evaluations there are depends
// on the images.
Forked BlockImpl::solve(const Forked& z, const TensorTap& tap) {
  const auto point = [&](int64_t index) { return fmt::format("{}[{}]", name_, index); };
  BlockField::HiddenTap hidden_tap;
  if (tap && !stage_.adaptive())
    hidden_tap = [&](int64_t index, const torch::Tensor& hidden) { tap(point(index) + ".hidden", hidden); };
  const auto type = z.main.scalar_type();
  const auto field = std::make_shared<BlockField>(BlockField::Layers{conv1_, bn1_, conv2_, bn2_}, gradient_,
                                                  stage_.adaptive(), hidden_tap, type);
  const auto end =
      ode::solve({.field = field, .plan = integration_of(stage_, end_time_), .gradient = gradient_, .work = work_},
                 is_narrow(z.main) ? z.main.to(torch::kFloat32) : z.main)
          .to(type);
  if (tap) tap(point(stage_.executions - 1), end);
  return {end, end};
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
    for (int i = 0; i < stage.blocks; ++i) {
      last_point_ = block_name(stage, i);
      blocks_.push_back(members->register_module(std::to_string(i), Block(spec_, stage, i)));
    }
  }
  const auto fc = register_module("fc", group());
  const double bound = 1.0 / std::sqrt(spec_.features());
  const auto init = [&](torch::IntArrayRef shape) { return torch::empty(shape).uniform_(-bound, bound); };
  fc_weight_ = fc->register_parameter("weight", init({spec_.classes, spec_.features()}));
  fc_bias_ = fc->register_parameter("bias", init({spec_.classes}));
}

void NetworkImpl::set_gradient(ode::Gradient gradient) {
  for (Block& block : blocks_) block->set_gradient(gradient);
  gradient_ = gradient;
}

void NetworkImpl::set_quantization(const Quantization& quantization) {
  quantization_ = std::make_shared<const Quantization>(quantization);
  stem_->set_quantization(quantization.bits, quantization.formats.activation);
  for (Block& block : blocks_) block->set_quantization(quantization_);
}

ode::Work NetworkImpl::take_work() {
  ode::Work sum;
  for (Block& block : blocks_) {
    const ode::Work work = block->take_work();
    sum.forward += work.forward;
    sum.backward += work.backward;
  }
  return sum;
}

void NetworkImpl::set_momentum(double momentum) {
  for (const auto& module : modules())
    if (auto* norm = module->as<NormImpl>()) norm->set_momentum(momentum);
}

torch::Tensor NetworkImpl::forward(const torch::Tensor& images, const TensorTap& tap) {
  const auto observe = [&](const char* point, const torch::Tensor& value) {
    if (tap) tap(point, value);
  };
  const auto rounded = [&](std::string_view point, const torch::Tensor& value) {
    return nn::rounded(quantization_.get(), point, value);
  };
  Forked x = stem_norm_->forked(stem_(rounded("input", images)), {.relu = true});
  if (quantization_) x.main = x.skip = rounded("conv1", x.main);
  observe("conv1", x.main);
  for (Block& block : blocks_) x = block(x, tap);
  // Of bfloat16 the rest is float32 all the same.
  const auto pooled = rounded(
      last_point_, x.main.mean({2, 3}, /*keepdim=*/false, is_narrow(x.main) ? torch::kFloat32 : x.main.scalar_type()));
  observe("pool", pooled);
  const auto weight = quantization_ ? fake_quantize_weight(fc_weight_, quantization_->bits, false) : fc_weight_;
  const auto logits = torch::linear(pooled, weight, fc_bias_);
  observe("fc", logits);
  return logits;
}

}  // namespace odenet::nn
