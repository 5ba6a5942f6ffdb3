#include "train/flat_sgd.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace odenet::train {
namespace {

using torch::Tensor;

constexpr int kSgdSteps = 10;
constexpr double kRate = 0.05;

// Sizes that are no multiple of a vector, and a weight in channels-last memory. Its gradients are random numbers.
struct Parameters : torch::nn::Module {
  Parameters() {
    torch::manual_seed(1);
    register_parameter("conv_weight", torch::randn({5, 3, 3, 3}).contiguous(torch::MemoryFormat::ChannelsLast));
    register_parameter("conv_bias", torch::randn({5}));
    register_buffer("running_mean", torch::randn({5}));
    register_parameter("fc_weight", torch::randn({7, 11}));
    register_parameter("fc_bias", torch::randn({7}));
  }
};

void add_gradients(Parameters& module, int step) {
  torch::manual_seed(100 + step);
  for (Tensor& p : module.parameters()) {
    const auto gradient = torch::randn(p.sizes());
    if (p.grad().defined())
      p.mutable_grad().add_(gradient);
    else
      p.mutable_grad() = gradient;
  }
}

torch::optim::SGD reference_for(const Parameters& module, const SgdOptions& options) {
  const auto group = [&](bool matrices, double decay) {
    std::vector<Tensor> parameters;
    for (const Tensor& p : module.parameters())
      if ((p.dim() > 1) == matrices) parameters.push_back(p);
    auto sgd = std::make_unique<torch::optim::SGDOptions>(kRate);
    sgd->momentum(options.momentum).nesterov(options.nesterov).weight_decay(decay);
    return torch::optim::OptimizerParamGroup(parameters, std::move(sgd));
  };
  const std::vector<torch::optim::OptimizerParamGroup> groups{
      group(true, options.weight_decay), group(false, options.decay_all ? options.weight_decay : 0)};
  return torch::optim::SGD(groups, torch::optim::SGDOptions(kRate));
}

class Rule : public ::testing::TestWithParam<SgdOptions> {};

TEST_P(Rule, IsThatOfPyTorch) {
  Parameters ours, theirs;
  FlatSgd sgd(ours, GetParam());
  auto reference = reference_for(theirs, GetParam());
  for (int step = 0; step < kSgdSteps; ++step) {
    add_gradients(ours, step);
    sgd.step(kRate);
    EXPECT_EQ(sgd.gradients().abs().max().item<float>(), 0) << "cleared";
    add_gradients(theirs, step);
    reference.step();
    reference.zero_grad();
  }
  EXPECT_EQ(sgd.steps(), kSgdSteps);
  // A step rounds the parameter once, and gradient and velocity, which are multiplied by the rate, a few times more;
  // the two differ by which of these roundings fused multiply-adds leave out. Two units in the last place per step.
  for (const auto& p : theirs.named_parameters()) {
    const double largest = p.value().abs().max().item<double>();
    const double error = (ours.named_parameters()[p.key()] - p.value()).abs().max().item<double>();
    EXPECT_LE(error, 2 * kSgdSteps * 0x1p-23 * largest) << p.key();
  }
}

INSTANTIATE_TEST_SUITE_P(FlatSgd, Rule,
                         ::testing::Values(SgdOptions{.momentum = 0, .nesterov = false},
                                           SgdOptions{.momentum = 0.9, .nesterov = false, .weight_decay = 0.01},
                                           SgdOptions{.momentum = 0.9, .nesterov = true},
                                           SgdOptions{.momentum = 0.9, .nesterov = true, .weight_decay = 0.01},
                                           SgdOptions{.nesterov = true, .weight_decay = 0.01, .decay_all = true}));

TEST(FlatSgd, KeepsNamesStridesAndValues) {
  const Parameters before;
  Parameters module;
  const FlatSgd sgd(module, {});
  const auto check = [](const auto& expected, const auto& found) {
    ASSERT_EQ(found.keys(), expected.keys());
    for (const auto& item : expected) {
      EXPECT_TRUE(torch::equal(found[item.key()], item.value())) << item.key();
      EXPECT_EQ(found[item.key()].strides(), item.value().strides()) << item.key();
    }
  };
  check(before.named_parameters(), module.named_parameters());
  check(before.named_buffers(), module.named_buffers());
}

TEST(FlatSgd, ParametersAndGradientsAreViewsOfFlatTensors) {
  Parameters module;
  FlatSgd sgd(module, {});
  for (const Tensor& p : module.parameters()) (p * 3).sum().backward();
  EXPECT_TRUE(sgd.gradients().eq(3).all().item<bool>());
  sgd.state().at("parameters").fill_(2);
  sgd.state().at("buffers").fill_(4);
  for (const Tensor& p : module.parameters()) EXPECT_TRUE(p.eq(2).all().item<bool>());
  EXPECT_TRUE(module.buffers()[0].eq(4).all().item<bool>());
}

TEST(FlatSgd, AverageFollowsParametersAndBuffers) {
  constexpr double kDecay = 0.25;  // less than (1 + steps) / (10 + steps) from the third step on
  Parameters module;
  FlatSgd sgd(module, {.ema = kDecay});
  Tensor parameters = sgd.state().at("parameters").to(torch::kFloat64);
  Tensor buffers = sgd.state().at("buffers").to(torch::kFloat64);
  for (int step = 1; step <= 5; ++step) {
    add_gradients(module, step);
    module.buffers()[0].add_(step);
    sgd.step(kRate);
    const double decay = std::min(kDecay, (1.0 + step) / (10 + step));
    parameters = decay * parameters + (1 - decay) * sgd.state().at("parameters");
    buffers = decay * buffers + (1 - decay) * sgd.state().at("buffers");
  }
  const auto far = [](const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); };
  constexpr double kBound = 5 * 0x1p-22 * 16;  // five steps, each a few roundings of values below 16
  EXPECT_LE(far(sgd.state().at("average"), parameters), kBound);
  EXPECT_LE(far(sgd.state().at("average_buffers"), buffers), kBound);
  EXPECT_GT(far(sgd.state().at("average"), sgd.state().at("parameters")), 0.01);
}

TEST(FlatSgd, AverageSwappedTwiceRestoresEveryBit) {
  Parameters module;
  FlatSgd sgd(module, {.ema = 0.9});
  add_gradients(module, 1);
  module.buffers()[0].add_(1);
  sgd.step(kRate);
  std::map<std::string, Tensor> before;
  for (const auto& [name, tensor] : sgd.state()) before[name] = tensor.clone();
  {
    const AverageInUse average(sgd);
    EXPECT_TRUE(torch::equal(sgd.state().at("parameters"), before["average"]));
    EXPECT_TRUE(torch::equal(module.buffers()[0], before["average_buffers"]));
  }
  for (const auto& [name, tensor] : sgd.state()) EXPECT_TRUE(torch::equal(tensor, before[name])) << name;
}

TEST(FlatSgd, SwapWithoutAverageChangesNothing) {
  Parameters module;
  FlatSgd sgd(module, {});
  const Tensor before = sgd.state().at("parameters").clone();
  sgd.swap_average();
  EXPECT_TRUE(torch::equal(sgd.state().at("parameters"), before));
}

TEST(FlatSgd, GoesOnFromItsStateAsIfNeverStopped) {
  const SgdOptions options{.weight_decay = 0.01, .ema = 0.9};
  Parameters module, other;
  FlatSgd sgd(module, options), restored(other, options);
  const auto train = [](Parameters& m, FlatSgd& s, int first, int last) {
    for (int step = first; step < last; ++step) {
      add_gradients(m, step);
      s.step(kRate);
    }
  };
  train(module, sgd, 0, 4);
  for (auto [name, tensor] : restored.state()) tensor.copy_(sgd.state().at(name));
  restored.set_steps(sgd.steps());
  train(module, sgd, 4, 6);
  train(other, restored, 4, 6);
  for (const auto& [name, tensor] : sgd.state()) EXPECT_TRUE(torch::equal(tensor, restored.state().at(name))) << name;
}

}  // namespace
}  // namespace odenet::train
