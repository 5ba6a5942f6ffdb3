#include "train/flat_sgd.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "nn/norm_kernels.h"

namespace odenet::train {

namespace {

using torch::Tensor;

constexpr int64_t kGrain = 16384;  // parameters that are worth a thread

// Moves `tensors` into one flat tensor and makes each a view of its part, with the strides that it had.
Tensor flatten(const std::vector<Tensor>& tensors, const torch::TensorOptions& options) {
  int64_t size = 0;
  for (const Tensor& t : tensors) size += t.numel();
  const Tensor flat = torch::empty({size}, options);
  int64_t offset = 0;
  for (Tensor t : tensors) {
    const auto view = flat.as_strided(t.sizes(), t.strides(), offset);
    view.copy_(t.detach());
    t.set_data(view);
    offset += t.numel();
  }
  return flat;
}

}  // namespace

FlatSgd::FlatSgd(torch::nn::Module& module, SgdOptions options) : options_(options) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> parameters = module.parameters();
  const auto plain = std::stable_partition(parameters.begin(), parameters.end(),
                                           [&](const Tensor& p) { return options.decay_all || p.dim() > 1; });
  for (auto p = parameters.begin(); p != plain; ++p) decayed_ += p->numel();
  const auto float32 = torch::TensorOptions(parameters.front().device()).dtype(torch::kFloat32);
  parameters_ = flatten(parameters, float32);
  buffers_ = flatten(module.buffers(), float32);
  gradients_ = torch::zeros_like(parameters_);
  velocity_ = torch::zeros_like(parameters_);
  int64_t offset = 0;
  for (Tensor& p : parameters) {  // backward() then adds into the flat gradient
    p.mutable_grad() = gradients_.as_strided(p.sizes(), p.strides(), offset);
    offset += p.numel();
  }
  if (options_.ema > 0) {
    average_ = parameters_.clone();
    average_buffers_ = buffers_.clone();
  }
}

void FlatSgd::step(double rate) {
  const torch::NoGradGuard no_grad;
  update(0, decayed_, rate, options_.weight_decay);
  update(decayed_, parameters_.numel(), rate, options_.decay_all ? options_.weight_decay : 0);
  gradients_.zero_();
  ++steps_;
  if (!average_.defined()) return;
  const auto steps = static_cast<double>(steps_);
  const double weight = 1 - std::min(options_.ema, (1 + steps) / (10 + steps));
  average_.lerp_(parameters_, weight);
  average_buffers_.lerp_(buffers_, weight);
}

void FlatSgd::update(int64_t begin, int64_t end, double rate, double decay) {
  const Tensor p = parameters_.slice(0, begin, end), g = gradients_.slice(0, begin, end);
  const Tensor v = velocity_.slice(0, begin, end);
  if (p.device().is_cpu()) {
    const nn::kernels::SgdStep step{.rate = static_cast<float>(rate),
                                    .momentum = static_cast<float>(options_.momentum),
                                    .decay = static_cast<float>(decay),
                                    .nesterov = options_.nesterov};
    at::parallel_for(0, end - begin, kGrain, [&](int64_t first, int64_t last) {
      nn::kernels::sgd(last - first, step, g.data_ptr<float>() + first, p.data_ptr<float>() + first,
                       v.data_ptr<float>() + first);
    });
    return;
  }
  g.add_(p, decay);
  v.mul_(options_.momentum).add_(g);
  p.add_(options_.nesterov ? g.add_(v, options_.momentum) : v, -rate);
}

std::map<std::string, Tensor> FlatSgd::state() const {
  std::map<std::string, Tensor> state{{"parameters", parameters_}, {"velocity", velocity_}, {"buffers", buffers_}};
  if (average_.defined()) state.insert({{"average", average_}, {"average_buffers", average_buffers_}});
  return state;
}

void FlatSgd::swap_average() {
  if (!average_.defined()) return;
  const torch::NoGradGuard no_grad;
  const auto swap = [](const Tensor& a, const Tensor& b) {
    const Tensor kept = a.clone();
    a.copy_(b);
    b.copy_(kept);
  };
  swap(parameters_, average_);
  swap(buffers_, average_buffers_);
}

}  // namespace odenet::train
