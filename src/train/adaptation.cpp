#include "train/adaptation.h"

#include <torch/torch.h>

#include <array>

#include "core/error.h"
#include "core/names.h"

namespace odenet::train {

namespace {

using torch::Tensor;

std::shared_ptr<torch::nn::Module> buffers_like(const std::vector<Tensor>& buffers) {
  auto module = std::make_shared<torch::nn::Module>();
  for (size_t i = 0; i < buffers.size(); ++i) module->register_buffer(fmt::format("{}", i), buffers[i].clone());
  return module;
}

}  // namespace

std::span<const AdaptMethod> adapt_methods() {
  static constexpr auto table = std::to_array<AdaptMethod>({
      {.name = "none", .help = "train on the source only, and test on the target", .uses_target = false},
      {.name = "adabn", .help = "norm statistics of the target's images, no loss"},
      {.name = "dann", .help = "features that a discriminator cannot tell apart", .weight = 1, .adversarial = true},
      {.name = "mmd", .help = "features of equal distribution, by kernels", .weight = 1, .loss = mmd_loss},
      // Of covariances, divided by the square of their number: small beside the others.
      {.name = "coral", .help = "features of equal covariance", .weight = 100, .loss = coral_loss},
  });
  return table;
}

const AdaptMethod& find_adapt_method(std::string_view name) {
  if (const AdaptMethod* method = find_named(adapt_methods(), name)) return *method;
  throw Error("adapt is '{}', expected one of {}", name, names_of(adapt_methods()));
}

std::span<const nn::Named> adapt_statistics() {
  static constexpr auto table = std::to_array<nn::Named>({
      {"separate", "of source and target apart"},
      {"joint", "of both together"},
  });
  return table;
}

Adaptation::Adaptation(nn::Network network, AdaptationOptions options)
    : network_(std::move(network)),
      method_(find_adapt_method(options.method)),
      options_(std::move(options)),
      module_(std::make_shared<torch::nn::Module>()) {
  module_->register_module("network", network_);
  const torch::Device device = network_->parameters().front().device();
  if (method_.adversarial) {
    discriminator_ = module_->register_module("discriminator", Discriminator(network_->spec().features()));
    discriminator_->to(device);
  }
  if (!options_.separate) return;
  own_statistics_ = network_->buffers();
  target_statistics_ = module_->register_module("target", buffers_like(own_statistics_))->buffers();
}

Adaptation::Outputs Adaptation::forward(const Tensor& source, const Tensor& target, int64_t step) {
  Pass of_source, of_target;
  if (options_.separate) {
    of_source = run(source);
    const torch::AutoGradMode gradient(method_.has_loss());
    const TargetStatistics in_use(this);
    of_target = run(target);
  } else {
    const Pass both = run(torch::cat({source, target}));
    const auto part = [&](const Tensor& t, int64_t begin, int64_t size) { return t.narrow(0, begin, size); };
    of_source = {part(both.logits, 0, source.size(0)), part(both.features, 0, source.size(0))};
    of_target = {Tensor(), part(both.features, source.size(0), target.size(0))};
  }
  const double ramp = adaptation_ramp(static_cast<double>(step) / static_cast<double>(options_.steps));
  Outputs outputs{.logits = of_source.logits, .loss = {}, .weight = options_.weight * ramp};
  if (method_.adversarial) {
    // The discriminator learns from the start; only what it sends back grows, and is weighted.
    const auto reversed = [&](const Tensor& features) { return reverse_gradient(features, outputs.weight); };
    outputs.loss = discriminator_->loss(reversed(of_source.features), reversed(of_target.features));
    outputs.weight = 1;
  } else if (method_.loss != nullptr) {
    outputs.loss = method_.loss(of_source.features, of_target.features);
  }
  return outputs;
}

Adaptation::Pass Adaptation::run(const Tensor& images) {
  Pass pass;
  pass.logits = network_->forward(images, [&](const std::string& point, const Tensor& value) {
    if (point == "pool") pass.features = value;
  });
  return pass;
}

void Adaptation::swap_statistics() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < own_statistics_.size(); ++i) {
    // data(): the backward pass of LibTorch's norm refuses statistics that were written since, though it reads none.
    const Tensor own = own_statistics_[i].data(), target = target_statistics_[i].data();
    const Tensor kept = own.clone();
    own.copy_(target);
    target.copy_(kept);
  }
}

}  // namespace odenet::train
