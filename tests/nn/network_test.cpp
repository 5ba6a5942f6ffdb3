#include "nn/network.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cctype>
#include <map>

#include "spec/zoo.h"

namespace odenet::nn {
namespace {

class EveryFamily : public ::testing::TestWithParam<const Family*> {
 protected:
  NetworkSpec spec() const { return make_spec(fmt::format("{}-20", GetParam()->name), 7); }
};

TEST_P(EveryFamily, HasTheParametersOfItsSpec) {
  Network net(spec());
  int64_t count = 0;
  for (const auto& parameter : net->parameters()) count += parameter.numel();
  EXPECT_EQ(count, parameter_count(spec()));
}

TEST_P(EveryFamily, GivesLogitsAndGradientsForEveryParameter) {
  torch::manual_seed(3);
  Network net(spec());
  const auto logits = net->forward(torch::randn({2, 3, 32, 32}));
  EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{2, 7}));
  logits.square().sum().backward();
  for (const auto& parameter : net->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_GT(parameter.value().grad().abs().max().item<float>(), 0) << parameter.key();
  }
}

TEST_P(EveryFamily, ObservationPointsFollowTheSpec) {
  Network net(spec());
  net->eval();
  std::vector<std::string> points, expected{"conv1"};
  net->forward(torch::randn({1, 3, 32, 32}),
               [&](const std::string& point, const torch::Tensor&) { points.push_back(point); });
  for (const Stage& stage : spec().stages)
    for (int block = 0; block < stage.blocks; ++block)
      for (int i = 0; i < stage.executions; ++i) {
        const auto name = block_name(stage, block) + (stage.ode ? fmt::format("[{}]", i) : "");
        expected.push_back(name + ".hidden");
        expected.push_back(name);
      }
  expected.push_back("pool");
  expected.push_back("fc");
  EXPECT_EQ(points, expected);
}

std::vector<const Family*> all_families() {
  std::vector<const Family*> list;
  for (const Family& family : families()) list.push_back(&family);
  return list;
}

std::string name_of_family(const ::testing::TestParamInfo<const Family*>& test) {
  std::string name(test.param->name);
  std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
  return name + (test.param->name.find('+') == std::string_view::npos ? "" : "both");
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryFamily, ::testing::ValuesIn(all_families()), name_of_family);

// A network small enough for finite differences: one ODEBlock of 3 executions on 4 channels.
NetworkSpec small_ode(int executions) {
  NetworkSpec spec{.model = "small", .classes = 3, .height = 6, .width = 6, .stem_channels = 4};
  spec.stages = {{.name = "ode", .in_channels = 4, .channels = 4, .executions = executions, .ode = true}};
  return spec;
}

// Backpropagation through the Euler steps is the gradient of the discrete network: central differences in float64.
TEST(OdeBlock, GradientsAreExact) {
  torch::manual_seed(5);
  Network net(small_ode(3));
  net->to(torch::kFloat64);
  const auto x = torch::randn({4, 3, 6, 6}, torch::kFloat64);
  const auto target = torch::randn({4, 3}, torch::kFloat64);
  const auto loss = [&] { return (net->forward(x) * target).sum(); };
  loss().backward();
  const torch::NoGradGuard no_grad;
  const double step = 1e-6;
  for (const auto& parameter : net->named_parameters()) {
    auto values = parameter.value();
    const auto gradient = values.grad().flatten();  // row-major
    for (int64_t i = 0; i < values.numel(); i += std::max<int64_t>(1, values.numel() / 7)) {
      const auto shifted = [&](double by) {
        auto flat = values.flatten().clone();
        flat[i] += by;
        const auto kept = values.clone();
        values.copy_(flat.view(values.sizes()));
        const double result = loss().item<double>();
        values.copy_(kept);
        return result;
      };
      const double expected = (shifted(step) - shifted(-step)) / (2 * step);
      EXPECT_NEAR(gradient[i].item<double>(), expected, 1e-6 * std::max(1.0, std::abs(expected)))
          << parameter.key() << " " << i;
    }
  }
}

// The definition of each skip, with the layers' own numbers.
TEST(Skips, AddTheShortcutWhereTheirDefinitionSays) {
  for (const Skip skip : {Skip::kFull, Skip::kShort, Skip::kNone})
    for (const Shortcut shortcut : {Shortcut::kPad, Shortcut::kProjection}) {
      NetworkSpec spec{.model = "small", .classes = 3, .height = 6, .width = 6, .stem_channels = 4};
      spec.stages = {
          {.name = "s", .in_channels = 4, .channels = 6, .stride = 2, .shortcut = shortcut, .skips = {skip}}};
      torch::manual_seed(4);
      Network net(spec);
      net->eval();
      const torch::NoGradGuard no_grad;
      std::map<std::string, torch::Tensor> seen;
      net->forward(torch::randn({2, 3, 6, 6}),
                   [&](const std::string& point, const torch::Tensor& value) { seen[point] = value.clone(); });
      auto p = net->named_parameters();
      const double norm = 1 / std::sqrt(1 + kNormEpsilon);  // statistics and parameters are as at the start
      const auto x = seen["conv1"];
      auto added = torch::zeros({2, 6, 3, 3});
      if (skip != Skip::kNone && shortcut == Shortcut::kProjection)
        added = norm * torch::conv2d(x, p["s.0.shortcut.weight"], {}, 2);
      else if (skip != Skip::kNone)
        added.narrow(1, 0, 4).copy_(x.slice(2, 0, 6, 2).slice(3, 0, 6, 2));
      EXPECT_EQ(p.contains("s.0.shortcut.bn.weight"), spec.stages[0].projects(0));
      auto hidden = norm * torch::conv2d(x, p["s.0.conv1.weight"], {}, 2, 1);
      if (skip == Skip::kShort) hidden += added;
      EXPECT_TRUE(torch::allclose(seen["s.0.hidden"], hidden.relu(), 1e-4, 1e-5));
      auto y = norm * torch::conv2d(hidden.relu(), p["s.0.conv2.weight"], {}, 1, 1);
      if (skip == Skip::kFull) y += added;
      EXPECT_TRUE(torch::allclose(seen["s.0"], y.relu(), 1e-4, 1e-5));
    }
}

TEST(Network, WithInstanceNormsTreatsEveryImageAlone) {
  NetworkSpec spec = make_spec("biased-odenet-20", 7);
  for (Stage& stage : spec.stages) stage.norm = NormKind::kInstance;
  torch::manual_seed(6);
  Network net(spec);
  for (const auto& buffer : net->named_buffers()) EXPECT_EQ(buffer.key().rfind("conv1.bn.", 0), 0u) << buffer.key();
  net->eval();
  const torch::NoGradGuard no_grad;
  const auto images = torch::randn({3, 3, 32, 32});
  const auto logits = net->forward(images);
  EXPECT_TRUE(torch::allclose(net->forward(images.narrow(0, 1, 1)), logits.narrow(0, 1, 1), 1e-4, 1e-5));
  // A positive factor before the norm leaves no trace but in epsilon.
  net->named_parameters()["layer1.0.conv1.weight"].mul_(64);
  EXPECT_TRUE(torch::allclose(net->forward(images), logits, 1e-2, 1e-2));
}

TEST(OdeBlock, StepIsEndTimeOverExecutions) {
  // f = bn2(...) with weight 0 and bias b is the constant b, so z(T) = z(0) + T b for any number of steps.
  for (const int executions : {1, 4}) {
    NetworkSpec spec = small_ode(executions);
    spec.end_time = 2.0;
    Network net(spec);
    net->eval();
    const torch::NoGradGuard no_grad;
    auto parameters = net->named_parameters();
    parameters["ode.0.bn2.weight"].zero_();
    parameters["ode.0.bn2.bias"].fill_(0.25);
    torch::Tensor before, after;
    net->forward(torch::randn({1, 3, 6, 6}), [&](const std::string& point, const torch::Tensor& value) {
      if (point == "conv1") before = value.clone();
      if (point == fmt::format("ode.0[{}]", executions - 1)) after = value.clone();
    });
    EXPECT_TRUE(torch::allclose(after - before, torch::full_like(after, 0.5), 0, 1e-5));
  }
}

}  // namespace
}  // namespace odenet::nn
