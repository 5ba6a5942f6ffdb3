#include "straightforward.h"

namespace odenet::bench {

namespace {

torch::nn::Conv2d conv3x3(int in, int out, int stride) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false));
}

torch::Tensor with_time(const torch::Tensor& x, double t) {
  return torch::cat({torch::full({x.size(0), 1, x.size(2), x.size(3)}, t), x}, 1);
}

}  // namespace

StraightforwardImpl::StraightforwardImpl(NetworkSpec spec) : spec_(std::move(spec)) {
  stem_ = register_module("conv1", conv3x3(spec_.in_channels, spec_.stem_channels, 1));
  stem_norm_ = register_module("bn1", torch::nn::BatchNorm2d(spec_.stem_channels));
  for (const Stage& stage : spec_.stages)
    for (int i = 0; i < stage.blocks; ++i) blocks_.push_back(make_block(stage, stage.name + "_" + std::to_string(i)));
  fc_ = register_module("fc", torch::nn::Linear(spec_.features(), spec_.classes));
}

StraightforwardImpl::Block StraightforwardImpl::make_block(const Stage& stage, const std::string& name) {
  Block block{stage};
  const int time = stage.ode ? 1 : 0;
  block.conv1 = register_module(name + "_conv1", conv3x3(stage.in_channels + time, stage.channels, stage.stride));
  block.conv2 = register_module(name + "_conv2", conv3x3(stage.channels + time, stage.channels, 1));
  for (int i = 0; i < stage.executions; ++i) {
    for (auto* norms : {&block.bn1, &block.bn2}) {
      torch::nn::BatchNorm2d norm(stage.channels);
      if (i > 0) norm->weight = norms->front()->weight, norm->bias = norms->front()->bias;
      if (i == 0) register_module(name + (norms == &block.bn1 ? "_bn1" : "_bn2"), norm);
      norms->push_back(norm);
    }
  }
  return block;
}

torch::Tensor StraightforwardImpl::residual(Block& block, const torch::Tensor& x) {
  const Stage& s = block.stage;
  auto shortcut = x;
  if (s.stride != 1 || s.in_channels != s.channels)
    shortcut = torch::constant_pad_nd(x.slice(2, 0, c10::nullopt, s.stride).slice(3, 0, c10::nullopt, s.stride),
                                      {0, 0, 0, 0, 0, s.channels - s.in_channels});
  const auto hidden = torch::relu(block.bn1.front()(block.conv1(x)));
  return torch::relu(block.bn2.front()(block.conv2(hidden)) + shortcut);
}

torch::Tensor StraightforwardImpl::integrate(Block& block, torch::Tensor z) {
  const double h = spec_.step_size(block.stage);
  for (int i = 0; i < block.stage.executions; ++i) {
    const auto at = static_cast<size_t>(i);
    const auto hidden = torch::relu(block.bn1[at](block.conv1(with_time(z, i * h))));
    z = z + h * block.bn2[at](block.conv2(with_time(hidden, i * h)));
  }
  return z;
}

torch::Tensor StraightforwardImpl::forward(const torch::Tensor& images) {
  auto x = torch::relu(stem_norm_(stem_(images)));
  for (Block& block : blocks_) x = block.stage.ode ? integrate(block, x) : residual(block, x);
  return fc_(x.mean({2, 3}));
}

StraightforwardStep::StraightforwardStep(const NetworkSpec& spec)
    : network_(spec),
      optimizer_(network_->parameters(),
                 torch::optim::SGDOptions(0.1).momentum(0.9).nesterov(true).weight_decay(5e-4)) {
  network_->train();
}

void StraightforwardStep::operator()(const train::TensorBatch& batch, double rate) {
  for (auto& group : optimizer_.param_groups()) group.options().set_lr(rate);
  optimizer_.zero_grad();
  const auto loss =
      torch::nn::functional::cross_entropy(network_(batch.images.contiguous()), batch.labels,
                                           torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(0.1));
  loss.backward();
  optimizer_.step();
}

}  // namespace odenet::bench
