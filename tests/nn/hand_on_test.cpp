#include "nn/hand_on.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "nn/state.h"
#include "spec/skip_removal.h"
#include "spec/zoo.h"
#include "support/expect_error.h"

namespace odenet::nn {
namespace {

// All values differ from those of a new network.
Network trained(const NetworkSpec& spec) {
  torch::manual_seed(1);
  Network network(spec);
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state_of(network)) torch::Tensor(tensor).copy_(torch::rand_like(tensor) + 2);
  return network;
}

TEST(HandOn, GivesEveryTensorByName) {
  const Network from = trained(make_spec("short-resnet-b-14", 10));
  for (const char* letters : {"ssssss", "nnnsss", "nnnnnn"}) {
    const Network to(with_skips(make_spec("short-resnet-b-14", 10), letters));
    hand_on(from, to);
    const auto given = state_of(from), taken = state_of(to);
    for (const auto& [name, tensor] : taken) EXPECT_TRUE(torch::equal(tensor, given.at(name))) << name;
    EXPECT_EQ(taken.contains("layer2_1.0.shortcut.weight"), letters[2] == 's');
  }
}

TEST(HandOn, CopiesSoThatBothGoOnAlone) {
  const Network from = trained(make_spec("resnet-8", 10)), to(make_spec("nonresnet-8", 10));
  hand_on(from, to);
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : to->parameters()) parameter.zero_();
  EXPECT_GE(from->parameters().front().min().item<float>(), 2);
}

// The statistics of a batch whose thirds the three executions saw.
TEST(HandOn, PoolsTheStatisticsForOtherExecutions) {
  const NetworkSpec spec = make_spec("biased-odenet-14", 10);
  const Network from = trained(with_solver(spec, "euler", 3));
  const Network to(with_solver(spec, "rk4", 1));
  const auto given = state_of(from), taken = state_of(to);
  const auto samples = torch::randn({3, 1000, 64}, torch::kFloat64) * torch::tensor({0.5, 1.0, 2.0}).view({3, 1, 1}) +
                       torch::tensor({-3.0, 0.0, 1.0}).view({3, 1, 1});
  const std::string norm = "layer3_2.0.bn1";
  {
    const torch::NoGradGuard no_grad;
    torch::Tensor(given.at(norm + ".running_mean")).copy_(samples.mean(1));
    torch::Tensor(given.at(norm + ".running_var")).copy_(samples.var(1, /*unbiased=*/false));
  }
  hand_on(from, to);
  const auto all = samples.view({3000, 64});
  const auto expect = [&](const char* statistic, const torch::Tensor& expected) {
    const torch::Tensor& found = taken.at(norm + statistic);
    ASSERT_EQ(found.sizes(), (std::vector<int64_t>{4, 64}));
    EXPECT_LT((found.to(torch::kFloat64) - expected).abs().max().item<double>(), 1e-5) << statistic;
  };
  expect(".running_mean", all.mean(0));
  expect(".running_var", all.var(0, /*unbiased=*/false));
  EXPECT_TRUE(torch::equal(taken.at("layer3_2.0.conv1.weight"), given.at("layer3_2.0.conv1.weight")));
}

TEST(HandOn, RefusesOtherNetworksAndChangesNothing) {
  const auto refused = [](const char* from_model, const NetworkSpec& to_spec, const char* tensor, const char* why) {
    const Network from = trained(make_spec(from_model, 10)), to(to_spec);
    const auto before = to->parameters().front().clone();
    EXPECT_ERROR(hand_on(from, to), from_model, to_spec.model, tensor, why);
    EXPECT_TRUE(torch::equal(to->parameters().front(), before));
  };
  refused("resnet-8", make_spec("nonresnet-14", 10), "layer1.1", "is missing");
  refused("resnet-14", make_spec("resnet-8", 10), "layer1.1", "has no place there");
  refused("resnet-8", make_spec("resnet-8", 100), "fc.bias", "[10], expected [100]");
  refused("short-resnet-8", make_spec("short-resnet-b-8", 10), "layer2_1.0.shortcut", "is missing");
}

}  // namespace
}  // namespace odenet::nn
