#include "ode/gradient.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <utility>

#include "ode/rotation.h"
#include "support/expect_error.h"

namespace odenet::ode {
namespace {

using torch::Tensor;

constexpr auto kDouble = torch::kFloat64;

// f of an ODEBlock: norm(conv(relu(norm(conv(z, t))), t)), with batch statistics and running ones.
class ConvField : public Field {
 public:
  explicit ConvField(int64_t channels) {
    for (Norm* norm : {&norm1_, &norm2_}) {
      norm->conv = parameter(torch::randn({channels, channels + 1, 3, 3}, kDouble) * 0.4);
      norm->weight = parameter(torch::rand({channels}, kDouble) + 0.5);
      norm->bias = parameter(torch::randn({channels}, kDouble) * 0.1);
      norm->running_mean = torch::zeros({channels}, kDouble);
      norm->running_var = torch::ones({channels}, kDouble);
    }
  }

  Tensor slope(const Tensor& z, const Evaluation& at) override {
    if (at.pass == Pass::kRecord) ++recorded_[at.index];
    if (at.pass == Pass::kSearch) searched_.push_back(at);
    return norm2_(norm1_(z, at).relu(), at);
  }
  void judge(double start, bool accepted) override {
    if (accepted)
      for (const Evaluation& at : std::exchange(searched_, {})) ++recorded_[at.index];
    else
      std::erase_if(searched_, [&](const Evaluation& at) { return at.time != start; });
  }
  void finish() override { ++finished_; }
  std::vector<Tensor> parameters() const override { return parameters_; }

  int finished() const { return finished_; }
  // How often each evaluation was recorded.
  const std::map<int64_t, int>& recorded() const { return recorded_; }
  Tensor running_mean() const { return norm1_.running_mean; }

 private:
  struct Norm {
    Tensor conv, weight, bias, running_mean, running_var;
    Tensor operator()(const Tensor& z, const Evaluation& at) const {
      const auto time = torch::full({z.size(0), 1, z.size(2), z.size(3)}, at.time, kDouble);
      const auto c = torch::conv2d(torch::cat({time, z}, 1), conv, {}, 1, 1);
      const bool record = at.pass == Pass::kRecord;
      return torch::batch_norm(c, weight, bias, running_mean, running_var, /*training=*/true, record ? 0.1 : 0.0, 1e-5,
                               false);
    }
  };

  Tensor parameter(const Tensor& value) {
    parameters_.push_back(value.clone().requires_grad_());
    return parameters_.back();
  }

  std::vector<Tensor> parameters_;
  Norm norm1_, norm2_;
  std::map<int64_t, int> recorded_;
  std::vector<Evaluation> searched_;  // not judged yet
  int finished_ = 0;
};

struct Pair {
  std::string_view gradient, solver;
};
void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.gradient << ", " << pair.solver; }

std::vector<Pair> pairs(const std::function<bool(const GradientRow&, const Solver&)>& wanted) {
  std::vector<Pair> list;
  for (const GradientRow& row : gradients())
    for (const Solver& solver : solvers())
      if ((row.gradient != Gradient::kMali || solver.leapfrog()) && wanted(row, solver))
        list.push_back({row.name, solver.name});
  return list;
}

std::string test_name(const ::testing::TestParamInfo<Pair>& info) {
  std::string name = std::string(info.param.gradient) + "_" + std::string(info.param.solver);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class PairTest : public ::testing::TestWithParam<Pair> {
 protected:
  const Solver& solver() const { return find_solver(GetParam().solver); }
  Gradient gradient() const { return find_gradient(GetParam().gradient).gradient; }
};

// Gradients of <weights, z(end)> with respect to the start and the parameters.
std::vector<Tensor> gradients_of(const Problem& problem, const Tensor& start, const Tensor& weights) {
  std::vector<Tensor> inputs{start};
  for (const Tensor& p : problem.field->parameters()) inputs.push_back(p);
  return torch::autograd::grad({(solve(problem, start) * weights).sum()}, inputs);
}

double relative_difference(const Tensor& a, const Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

class EveryExactPair : public PairTest {};

TEST_P(EveryExactPair, MatchesCentralFiniteDifferencesOnAConvolutionalBlock) {
  torch::manual_seed(5);
  const auto field = std::make_shared<ConvField>(2);
  const Tensor start = torch::randn({2, 2, 4, 4}, kDouble).requires_grad_(),
               weights = torch::randn({2, 2, 4, 4}, kDouble);
  const Problem problem{.field = field, .plan = {.solver = &solver(), .steps = 2}, .gradient = gradient()};
  const auto exact = gradients_of(problem, start, weights);
  const torch::NoGradGuard no_grad;
  const auto value = [&] { return (solve(problem, start) * weights).sum().item<double>(); };
  constexpr double kStep = 1e-5;
  std::vector<Tensor> inputs{start};
  for (const Tensor& p : field->parameters()) inputs.push_back(p);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor differences = torch::empty_like(inputs[i]);
    double* entry = inputs[i].data_ptr<double>();
    for (int64_t j = 0; j < inputs[i].numel(); ++j) {
      const double before = entry[j];
      entry[j] = before + kStep;
      const double above = value();
      entry[j] = before - kStep;
      const double below = value();
      entry[j] = before;
      differences.data_ptr<double>()[j] = (above - below) / (2 * kStep);
    }
    EXPECT_LT(relative_difference(exact[i], differences), 1e-6) << "input " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Pairs, EveryExactPair,
                         ::testing::ValuesIn(pairs([](const GradientRow& row, const Solver&) { return row.exact; })),
                         test_name);

class EveryPair : public PairTest {};

TEST_P(EveryPair, GradientsConvergeWithTheSolversOrder) {
  const auto field = std::make_shared<Rotation>();
  const Tensor start = Rotation::start(), weights = torch::tensor({1.0, -0.5}, kDouble);
  const auto exact =
      torch::autograd::grad({(field->solution(start, kEnd) * weights).sum()}, {start, field->parameters().front()});
  const auto errors = [&](int64_t steps) {
    const auto approximate = gradients_of(
        {.field = field, .plan = {.solver = &solver(), .end = kEnd, .steps = steps}, .gradient = gradient()}, start,
        weights);
    return std::vector<double>{largest_difference(approximate[0], exact[0]),
                               largest_difference(approximate[1], exact[1])};
  };
  const int64_t steps = asymptotic_steps(solver().order);
  const auto whole = errors(steps), half = errors(2 * steps);
  EXPECT_NEAR(observed_order(whole[0], half[0]), solver().order, 0.1) << "of the start, error " << half[0];
  EXPECT_NEAR(observed_order(whole[1], half[1]), solver().order, 0.1) << "of the parameter, error " << half[1];
}

TEST_P(EveryPair, RecordsEveryEvaluationOfTheForwardPassOnce) {
  const auto field = std::make_shared<ConvField>(2);
  const Tensor start = torch::randn({2, 2, 4, 4}, kDouble).requires_grad_();
  const auto work = std::make_shared<Work>();
  const Problem problem{
      .field = field, .plan = {.solver = &solver(), .steps = 3}, .gradient = gradient(), .work = work};
  const Tensor end = solve(problem, start);
  const Tensor mean = field->running_mean().clone();
  end.sum().backward();
  ASSERT_EQ(std::ssize(field->recorded()), evaluations(solver(), 3));
  for (const auto& [index, count] : field->recorded()) EXPECT_EQ(count, 1) << index;
  EXPECT_EQ(field->finished(), 1);
  EXPECT_GT(mean.abs().min().item<double>(), 0);
  EXPECT_TRUE(torch::equal(field->running_mean(), mean)) << "the backward pass leaves running statistics alone";
  EXPECT_EQ(work->forward.evaluations, evaluations(solver(), 3));
  EXPECT_EQ(work->backward.evaluations > 0, gradient() != Gradient::kBackprop);
}

INSTANTIATE_TEST_SUITE_P(Pairs, EveryPair,
                         ::testing::ValuesIn(pairs([](const GradientRow&, const Solver&) { return true; })), test_name);

class EveryAdaptivePair : public PairTest {};

TEST_P(EveryAdaptivePair, OfAdaptiveStepsIsThatOfTheStepsTaken) {
  torch::manual_seed(7);
  const auto field = std::make_shared<ConvField>(2);
  const Tensor start = torch::randn({2, 2, 4, 4}, kDouble).requires_grad_(),
               weights = torch::randn({2, 2, 4, 4}, kDouble);
  Integration plan{.solver = &solver(), .control = {.controller = &find_controller("pi"), .rtol = 1e-4, .atol = 1e-4}};
  plan.control.steps.first_step = 1;
  const auto exact = gradients_of({.field = field, .plan = plan}, start, weights);
  const auto work = std::make_shared<Work>();
  const auto own = gradients_of({.field = field, .plan = plan, .gradient = gradient(), .work = work}, start, weights);
  EXPECT_GT(work->forward.rejected, 0);
  // The adjoint's gradient is that of the equation.
  for (size_t i = 0; i < exact.size() && gradient() != Gradient::kAdjoint; ++i)
    EXPECT_LT(relative_difference(own[i], exact[i]), 1e-9) << "input " << i;
  const auto steps = work->forward.accepted;
  int64_t recorded = 0;
  for (const auto& [index, count] : field->recorded()) recorded += count;
  EXPECT_EQ(recorded, 2 * evaluations_kept(solver(), steps)) << "of two solves";
  EXPECT_EQ(field->finished(), 2);
}

TEST_P(EveryAdaptivePair, KeepsTheTolerance) {
  const auto field = std::make_shared<Rotation>();
  const Tensor start = Rotation::start(), weights = torch::tensor({1.0, -0.5}, kDouble);
  const auto exact =
      torch::autograd::grad({(field->solution(start, kEnd) * weights).sum()}, {start, field->parameters().front()});
  const double tolerance = solver().order <= 2 ? 1e-4 : solver().order == 3 ? 1e-6 : 1e-8;
  const Integration plan{.solver = &solver(),
                         .end = kEnd,
                         .control = {.controller = &find_controller("pi"), .rtol = tolerance, .atol = tolerance}};
  const auto own = gradients_of({.field = field, .plan = plan, .gradient = gradient()}, start, weights);
  // That of one step; the errors of all add up, and the gradients are of the order of 10.
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_LT(largest_difference(own[i], exact[i]), 3000 * tolerance);
}

INSTANTIATE_TEST_SUITE_P(Pairs, EveryAdaptivePair,
                         ::testing::ValuesIn(pairs([](const GradientRow&, const Solver& solver) {
                           return solver.estimates_error();
                         })),
                         test_name);

TEST(Solve, TheAdjointComesCloserToTheExactGradientWithSmallerSteps) {
  torch::manual_seed(7);
  const auto field = std::make_shared<ConvField>(2);
  const Tensor start = torch::randn({2, 2, 4, 4}, kDouble).requires_grad_(),
               weights = torch::randn({2, 2, 4, 4}, kDouble);
  const auto difference = [&](int64_t steps) {
    Problem problem{.field = field, .plan = {.solver = &find_solver("rk4"), .steps = steps}};
    const auto exact = gradients_of(problem, start, weights);
    problem.gradient = Gradient::kAdjoint;
    const auto adjoint = gradients_of(problem, start, weights);
    double largest = 0;
    for (size_t i = 0; i < exact.size(); ++i) largest = std::max(largest, relative_difference(adjoint[i], exact[i]));
    return largest;
  };
  const double coarse = difference(8), fine = difference(64);
  EXPECT_LT(fine, coarse / 10) << coarse;
  EXPECT_LT(fine, 1e-3);
}

TEST(Solve, TheAdjointOfEulerIsWrongByMuchForFewSteps) {
  // Why backprop is the default.
  const auto field = std::make_shared<Rotation>();
  const Tensor start = Rotation::start(), weights = torch::ones({2}, kDouble);
  Problem problem{.field = field, .plan = {.solver = &find_solver("euler"), .end = 1.2, .steps = 3}};
  const auto exact = gradients_of(problem, start, weights);
  problem.gradient = Gradient::kAdjoint;
  EXPECT_GT(relative_difference(gradients_of(problem, start, weights)[0], exact[0]), 0.1);
}

TEST(Solve, ToleranceOfTheAdaptiveAdjointIsThatOfAnyLoss) {
  const auto field = std::make_shared<Rotation>();
  const Tensor start = Rotation::start(), weights = torch::tensor({1.0, -0.5}, kDouble);
  const auto run = [&](double scale) {
    const auto work = std::make_shared<Work>();
    const Problem problem{.field = field,
                          .plan = {.solver = &find_solver("dormand-prince"),
                                   .end = kEnd,
                                   .control = {.controller = &find_controller("pi"), .rtol = 1e-12, .atol = 1e-6}},
                          .gradient = Gradient::kAdjoint,
                          .work = work};
    return std::pair{gradients_of(problem, start, scale * weights), work->backward};
  };
  const auto [whole, work] = run(1);
  for (const double scale : {0x1p-40, 0x1p40}) {
    const auto [scaled, scaled_work] = run(scale);
    EXPECT_EQ(scaled_work, work) << scale;
    for (size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(torch::equal(scaled[i], scale * whole[i])) << scale;
  }
}

class EveryGradient : public ::testing::TestWithParam<std::string_view> {
 protected:
  Problem problem() const {
    return {.field = field_,
            .plan = {.solver = &find_solver("leapfrog"), .end = 1.2, .steps = 4},
            .gradient = find_gradient(GetParam()).gradient};
  }
  std::shared_ptr<Rotation> field_ = std::make_shared<Rotation>();
};

TEST_P(EveryGradient, GoesToWhateverWantsOne) {
  const Tensor start = Rotation::start(), fixed = start.detach();
  solve(problem(), fixed).sum().backward();
  const Tensor p = field_->parameters().front();
  ASSERT_TRUE(p.grad().defined());
  const Tensor of_parameter = p.grad().clone();
  p.mutable_grad() = Tensor();
  p.set_requires_grad(false);
  solve(problem(), start).sum().backward();
  EXPECT_FALSE(p.grad().defined());
  ASSERT_TRUE(start.grad().defined());
  p.set_requires_grad(true);
  const auto both = gradients_of(problem(), start, torch::ones({2}, kDouble));
  EXPECT_TRUE(torch::equal(both[0], start.grad()));
  EXPECT_TRUE(torch::equal(both[1], of_parameter));
  p.set_requires_grad(false);
  EXPECT_FALSE(solve(problem(), fixed).requires_grad());
}

TEST_P(EveryGradient, LeavesNoGraphWithoutGradientMode) {
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(solve(problem(), Rotation::start()).requires_grad());
}

TEST_P(EveryGradient, NoticesParametersChangedBeforeTheBackwardPass) {
  const Tensor end = solve(problem(), Rotation::start());
  {
    const torch::NoGradGuard no_grad;
    field_->parameters().front() += 1;
  }
  EXPECT_THROW(end.sum().backward(), std::exception);
}

TEST_P(EveryGradient, SecondDerivativesAreThoseOfBackpropOrRefused) {
  const Tensor start = Rotation::start();
  const auto first = [&] {
    return torch::autograd::grad({solve(problem(), start).sum()}, {start}, {}, true, /*create_graph=*/true)[0];
  };
  if (problem().gradient == Gradient::kBackprop)
    EXPECT_TRUE(first().requires_grad());
  else
    EXPECT_ERROR(first(), "second derivative", "backprop");
}

std::vector<std::string_view> gradient_names() {
  std::vector<std::string_view> list;
  for (const GradientRow& row : gradients()) list.push_back(row.name);
  return list;
}
INSTANTIATE_TEST_SUITE_P(Table, EveryGradient, ::testing::ValuesIn(gradient_names()));

TEST(Solve, RefusesUnsoundPairsAndSaysWhereItBreaksOff) {
  const auto field = std::make_shared<Rotation>();
  const Tensor start = Rotation::start();
  Problem problem{.field = field, .plan = {.solver = &find_solver("rk4")}, .gradient = Gradient::kMali};
  EXPECT_ERROR(solve(problem, start), "mali", "rk4", "leapfrog");
  problem.gradient = Gradient::kAca;
  problem.plan.control = {.controller = &find_controller("pi")};
  EXPECT_ERROR(solve(problem, start), "rk4", "no error estimate");
  problem.plan.solver = &find_solver("tsit5");
  problem.plan.control.max_trials = 1;
  EXPECT_ERROR(solve(problem, start), "tsit5", "too many trials", "raise");
}

}  // namespace
}  // namespace odenet::ode
