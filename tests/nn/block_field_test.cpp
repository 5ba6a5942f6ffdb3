#include "nn/block_field.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>

#include "nn/network.h"
#include "support/expect_error.h"

namespace odenet::nn {
namespace {

using torch::Tensor;

struct SolverCase {
  const char *gradient, *solver;
  int steps;
};
void PrintTo(const SolverCase& c, std::ostream* out) { *out << c.gradient << ", " << c.solver << ", " << c.steps; }

// One ODEBlock on 4 channels of 6 x 6.
Network small_ode(const SolverCase& c) {
  NetworkSpec spec{.model = "small", .classes = 3, .height = 6, .width = 6, .stem_channels = 4};
  spec.stages = {{.name = "ode", .in_channels = 4, .channels = 4, .ode = true}};
  torch::manual_seed(5);
  Network net(with_solver(spec, c.solver, c.steps));
  net->set_gradient(ode::find_gradient(c.gradient).gradient);
  return net;
}

Tensor images(torch::ScalarType type) {
  torch::manual_seed(6);
  return torch::randn({4, 3, 6, 6}).to(type).contiguous(torch::MemoryFormat::ChannelsLast);
}

Tensor loss_of(Network& net, torch::ScalarType type) {
  torch::manual_seed(7);
  return (net->forward(images(type)) * torch::randn({4, 3}).to(type)).sum();
}

std::map<std::string, Tensor> buffers_of(const Network& net) {
  std::map<std::string, Tensor> copies;
  for (const auto& buffer : net->named_buffers()) copies[buffer.key()] = buffer.value().clone();
  return copies;
}

class OdeBlock : public ::testing::TestWithParam<SolverCase> {};

// By LibTorch's operations, in float64.
TEST_P(OdeBlock, GradientsMatchCentralDifferences) {
  Network net = small_ode(GetParam());
  net->to(torch::kFloat64);
  loss_of(net, torch::kFloat64).backward();
  const torch::NoGradGuard no_grad;
  const double step = 1e-6;
  for (const auto& parameter : net->named_parameters()) {
    // Value by value in the order of memory, which is not row-major.
    const Tensor values = parameter.value(), gradients = torch::empty_like(values).copy_(values.grad());
    const Tensor flat = values.as_strided({values.numel()}, {1}), exact = gradients.as_strided({values.numel()}, {1});
    for (int64_t i = 0; i < flat.numel(); i += std::max<int64_t>(1, flat.numel() / 7)) {
      const double before = flat[i].item<double>();
      const auto shifted = [&](double by) {
        flat[i] = before + by;
        const double result = loss_of(net, torch::kFloat64).item<double>();
        flat[i] = before;
        return result;
      };
      const double expected = (shifted(step) - shifted(-step)) / (2 * step);
      EXPECT_NEAR(exact[i].item<double>(), expected, 1e-6 * std::max(1.0, std::abs(expected)))
          << parameter.key() << " " << i;
    }
  }
}

// By the fused kernels, in float32: the same numbers as backprop's, and running statistics moved once.
TEST_P(OdeBlock, AgreesWithBackpropAndMovesStatisticsOnce) {
  Network net = small_ode(GetParam());
  Network reference = small_ode({"backprop", GetParam().solver, GetParam().steps});
  const auto before = buffers_of(net);
  const Tensor loss = loss_of(net, torch::kFloat32), expected = loss_of(reference, torch::kFloat32);
  const auto after = buffers_of(net), expected_after = buffers_of(reference);
  EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-4);
  for (const auto& [name, buffer] : after) {
    EXPECT_TRUE(torch::allclose(buffer, expected_after.at(name), 1e-4, 1e-5)) << name;
    if (buffer.dim() != 2) continue;
    ASSERT_EQ(buffer.size(0), net->spec().stages[0].executions) << name;
    EXPECT_GT((buffer - before.at(name)).abs().sum(1).min().item<float>(), 0) << name << ": every execution's moved";
  }
  loss.backward();
  expected.backward();
  for (const auto& [name, buffer] : buffers_of(net)) EXPECT_TRUE(torch::equal(buffer, after.at(name))) << name;
  const auto wanted = reference->named_parameters();
  for (const auto& parameter : net->named_parameters()) {
    const Tensor gradient = parameter.value().grad(), exact = wanted[parameter.key()].grad();
    EXPECT_LT(((gradient - exact).norm() / exact.norm()).item<double>(), 1e-4) << parameter.key();
  }
}

INSTANTIATE_TEST_SUITE_P(Pairs, OdeBlock,
                         ::testing::Values(SolverCase{"backprop", "rk4", 2}, SolverCase{"backprop", "leapfrog", 3},
                                           SolverCase{"anode", "euler", 3}, SolverCase{"anode", "midpoint", 2},
                                           SolverCase{"aca", "euler", 3}, SolverCase{"aca", "dormand-prince", 2},
                                           SolverCase{"aca", "leapfrog", 2}, SolverCase{"mali", "leapfrog", 3}));

TEST(OdeBlockSolvers, ApproachTheSameSolution) {
  // Statistics are as at the start in all executions, so that f is the same for all solvers.
  const auto end = [](const char* solver, int steps) {
    Network net = small_ode({"backprop", solver, steps});
    net->eval();
    const torch::NoGradGuard no_grad;
    std::map<std::string, Tensor> seen;
    net->forward(images(torch::kFloat32), [&](const std::string& point, const Tensor& value) { seen[point] = value; });
    const int last = net->spec().stages[0].executions - 1;
    for (int i = 0; i <= last; ++i) EXPECT_TRUE(seen.contains(fmt::format("ode.0[{}].hidden", i))) << solver << i;
    return seen.at(fmt::format("ode.0[{}]", last)).clone();
  };
  const Tensor exact = end("dormand-prince", 64);
  const auto error = [&](const char* solver, int steps) { return (end(solver, steps) - exact).norm().item<double>(); };
  EXPECT_GT(error("euler", 4), 10 * error("rk4", 4));
  EXPECT_LT(error("euler", 512), error("euler", 4) / 60);
  EXPECT_LT(error("leapfrog", 64), error("leapfrog", 4) / 60);
}

TEST(OdeBlockSolvers, GradientMethodsThatAreUnsoundAreRefused) {
  Network net = small_ode({"backprop", "rk4", 1});
  EXPECT_ERROR(net->set_gradient(ode::Gradient::kMali), "mali", "rk4");
}

Network adaptive_ode(const char* gradient, const char* controller, double tolerance) {
  NetworkSpec spec{.model = "small", .classes = 3, .height = 6, .width = 6, .stem_channels = 4};
  spec.stages = {{.name = "ode", .in_channels = 4, .channels = 4, .ode = true, .norm = NormKind::kInstance}};
  torch::manual_seed(5);
  Network net(with_adaptive_steps(with_solver(spec, "dormand-prince", 0),
                                  {.controller = controller, .rtol = tolerance, .atol = tolerance}));
  net->set_gradient(ode::find_gradient(gradient).gradient);
  return net;
}

// Norms by image have no statistics, so that f is the same function for every number of steps.
TEST(AdaptiveOdeBlock, EndsWhereManyFixedStepsDo) {
  Network adaptive = adaptive_ode("backprop", "pi", 1e-9);
  Network fixed(with_solver(adaptive->spec(), "rk4", 200));
  for (const auto& parameter : fixed->named_parameters()) {
    const torch::NoGradGuard no_grad;
    parameter.value().copy_(adaptive->named_parameters()[parameter.key()]);
  }
  for (Network* net : {&adaptive, &fixed}) (*net)->to(torch::kFloat64);
  const auto a = loss_of(adaptive, torch::kFloat64), b = loss_of(fixed, torch::kFloat64);
  EXPECT_NEAR(a.item<double>(), b.item<double>(), 1e-6);
  const ode::Work work = adaptive->take_work();
  EXPECT_GT(work.forward.accepted, 2);
  EXPECT_EQ(work.forward.trials, work.forward.accepted + work.forward.rejected);
  EXPECT_GE(work.forward.evaluations, 6 * work.forward.trials);
  EXPECT_EQ(adaptive->take_work().forward, ode::Statistics{}) << "counted from the last call on";
}

TEST(AdaptiveOdeBlock, GradientMethodsAgree) {
  std::map<std::string, std::vector<Tensor>> gradients;
  for (const char* gradient : {"backprop", "anode", "aca"}) {
    Network net = adaptive_ode(gradient, "search", 1e-4);
    net->to(torch::kFloat64);
    loss_of(net, torch::kFloat64).backward();
    for (const Tensor& parameter : net->parameters()) gradients[gradient].push_back(parameter.grad());
    EXPECT_EQ(net->take_work().backward.evaluations > 0, std::string_view(gradient) != "backprop");
  }
  for (const char* gradient : {"anode", "aca"})
    for (size_t i = 0; i < gradients["backprop"].size(); ++i)
      EXPECT_TRUE(torch::allclose(gradients[gradient][i], gradients["backprop"][i], 1e-9, 1e-9))
          << gradient << " " << i;
}

}  // namespace
}  // namespace odenet::nn
