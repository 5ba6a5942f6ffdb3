#include "nn/block_field.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <memory>
#include <tuple>
#include <utility>

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

TEST(OdeBlockSolvers, ObserveTheForwardPassOnly) {
  Network net = small_ode({"aca", "rk4", 2});
  const auto seen = std::make_shared<int>(0);
  Tensor logits = net->forward(images(torch::kFloat32), [seen](const std::string& point, const Tensor&) {
    if (point.ends_with("].hidden")) ++*seen;
  });
  EXPECT_EQ(*seen, 8);
  logits.sum().backward();
  EXPECT_EQ(*seen, 8);
}

// f is the constant 0.25, so that z(1) = z(0) + 0.25 whatever the steps; each adds less than bfloat16 can tell.
TEST(OdeBlockSolvers, ManyStepsInBfloat16AreNotLost) {
  for (const auto& [solver, steps] : {std::pair{"euler", 1024}, {"rk4", 256}}) {
    Network net = small_ode({"backprop", solver, steps});
    net->eval();
    const torch::NoGradGuard no_grad;
    net->named_parameters()["ode.0.bn2.weight"].zero_();
    net->named_parameters()["ode.0.bn2.bias"].fill_(0.25);
    Tensor before, after;
    net->forward(images(torch::kBFloat16), [&](const std::string& point, const Tensor& value) {
      if (point == "conv1") before = value.to(torch::kFloat32);
      if (point == "ode.0[1023]") after = value;
    });
    EXPECT_EQ(after.scalar_type(), torch::kBFloat16) << solver;
    EXPECT_TRUE(torch::allclose(after.to(torch::kFloat32), before + 0.25, 0x1p-8, 1e-4)) << solver;
  }
}

Network adaptive_ode(const char* gradient, const char* controller, double tolerance,
                     NormKind norm = NormKind::kInstance, const char* solver = "dormand-prince") {
  NetworkSpec spec{.model = "small", .classes = 3, .height = 6, .width = 6, .stem_channels = 4};
  spec.stages = {{.name = "ode", .in_channels = 4, .channels = 4, .ode = true, .norm = norm}};
  torch::manual_seed(5);
  Network net(with_adaptive_steps(with_solver(spec, solver, 0),
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

class AdaptiveOdeBlockNorms : public ::testing::TestWithParam<std::tuple<NormKind, const char*>> {};

TEST_P(AdaptiveOdeBlockNorms, GradientMethodsAgree) {
  const auto [norm, solver] = GetParam();
  std::map<std::string, std::vector<Tensor>> gradients;
  for (const char* gradient : {"backprop", "anode", "aca"}) {
    Network net = adaptive_ode(gradient, "search", 1e-3, norm, solver);
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

INSTANTIATE_TEST_SUITE_P(Kinds, AdaptiveOdeBlockNorms,
                         ::testing::Combine(::testing::Values(NormKind::kInstance, NormKind::kBatch),
                                            ::testing::Values("dormand-prince", "leapfrog")));

// A field that keeps what its first norm sees in the evaluations that count.
class Watched : public ode::Field {
 public:
  explicit Watched(BlockField::Layers layers)
      : layers_(layers), field_(layers, ode::Gradient::kBackprop, /*one_set=*/true) {}

  Tensor slope(const Tensor& z, const ode::Evaluation& at) override {
    const Tensor c = layers_.conv1(z) + at.time * layers_.conv1->time_plane(z.size(2), z.size(3));
    searched_.push_back({at.time, c.mean({0, 2, 3}), c.var({0, 2, 3}, /*unbiased=*/true)});
    return field_.slope(z, at);
  }
  std::vector<Tensor> parameters() const override { return field_.parameters(); }
  void judge(double start, bool accepted) override {
    field_.judge(start, accepted);
    if (accepted)
      for (auto& seen : std::exchange(searched_, {})) counted_.push_back(std::move(seen));
    else
      std::erase_if(searched_, [&](const Seen& seen) { return seen.time != start; });
  }
  void finish() override { field_.finish(); }

  int64_t counted() const { return std::ssize(counted_); }
  Tensor mean() const { return mean_of(&Seen::mean); }
  Tensor var() const { return mean_of(&Seen::var); }

 private:
  struct Seen {
    double time;
    Tensor mean, var;
  };
  Tensor mean_of(Tensor Seen::*value) const {
    std::vector<Tensor> all;
    for (const Seen& seen : counted_) all.push_back(seen.*value);
    return torch::stack(all).mean(0);
  }

  BlockField::Layers layers_;
  BlockField field_;
  std::vector<Seen> searched_, counted_;
};

TEST(AdaptiveOdeBlock, StatisticsMoveOnceByTheMeanOverTheEvaluationsThatCount) {
  for (const char* solver : {"heun-euler", "bogacki-shampine", "leapfrog"}) {
    torch::manual_seed(8);
    const ConvOptions conv{.in_channels = 4, .channels = 4, .time = true};
    const BlockField::Layers layers{Conv(conv), Norm(4, 1), Conv(conv), Norm(4, 1)};
    const auto field = std::make_shared<Watched>(layers);
    const auto work = std::make_shared<ode::Work>();
    ode::Integration plan{.solver = &ode::find_solver(solver),
                          .control = {.controller = &ode::find_controller("pi"), .rtol = 1e-3, .atol = 1e-3}};
    plan.control.steps.first_step = 1;
    const torch::NoGradGuard no_grad;
    ode::solve({.field = field, .plan = plan, .work = work}, torch::randn({4, 4, 6, 6}));
    EXPECT_GT(work->forward.rejected, 0) << solver;
    EXPECT_LT(field->counted(), work->forward.evaluations) << solver;
    const auto running = layers.bn1->named_buffers();
    EXPECT_TRUE(torch::allclose(running["running_mean"][0], 0.1 * field->mean(), 1e-4, 1e-5)) << solver;
    EXPECT_TRUE(torch::allclose(running["running_var"][0], 0.9 + 0.1 * field->var(), 1e-4, 1e-5)) << solver;
    EXPECT_GT((layers.bn2->named_buffers()["running_var"] - 1).abs().min().item<float>(), 0) << solver;
  }
}

}  // namespace
}  // namespace odenet::nn
