#include "ode/integrate.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <utility>

#include "ode/rotation.h"
#include "support/expect_error.h"

namespace odenet::ode {
namespace {

using torch::Tensor;

constexpr auto kFloat64 = torch::kFloat64;

Slope slope_of(Field& field) {
  return [&field](const State& z, const Evaluation& at) { return State{field.slope(z.front(), at)}; };
}

std::vector<std::string_view> names(bool estimating_only) {
  std::vector<std::string_view> list;
  for (const Solver& solver : solvers())
    if (!estimating_only || solver.estimates_error()) list.push_back(solver.name);
  return list;
}

class EverySolver : public ::testing::TestWithParam<std::string_view> {
 protected:
  const Solver& solver() const { return find_solver(GetParam()); }
  torch::NoGradGuard no_grad_;
  Rotation field_;
};

TEST_P(EverySolver, ConvergesWithItsOrderForwardAndBackInTime) {
  const Tensor z0 = Rotation::start(), z1 = field_.solution(z0, kEnd);
  const auto error = [&](int64_t steps, bool back) {
    const Integration plan{.solver = &solver(), .start = back ? kEnd : 0, .end = back ? 0 : kEnd, .steps = steps};
    return largest_difference(integrate(plan, slope_of(field_), {back ? z1 : z0}).state[0], back ? z0 : z1);
  };
  const int64_t steps = asymptotic_steps(solver().order);
  for (const bool back : {false, true})
    EXPECT_NEAR(observed_order(error(steps, back), error(2 * steps, back)), solver().order, 0.1)
        << (back ? "back" : "forward") << ", error " << error(2 * steps, back);
}

TEST_P(EverySolver, FixedStepsEvaluateEachIndexOnceAtItsTime) {
  std::vector<int64_t> indices;
  const Slope slope = [&](const State& z, const Evaluation& at) {
    indices.push_back(at.index);
    EXPECT_EQ(at.pass, Pass::kRecord);
    EXPECT_GE(at.time, 0);
    EXPECT_LE(at.time, 1);
    return State{-z[0]};
  };
  const auto result = integrate({.solver = &solver(), .steps = 5}, slope, {torch::ones({2}, kFloat64)});
  ASSERT_EQ(std::ssize(indices), evaluations(solver(), 5));
  for (size_t i = 0; i < indices.size(); ++i) EXPECT_EQ(indices[i], static_cast<int64_t>(i));
  EXPECT_EQ(result.statistics.evaluations, std::ssize(indices));
  EXPECT_EQ(result.statistics.accepted, 5);
  EXPECT_EQ(result.statistics.rejected, 0);
  EXPECT_EQ(result.outcome, Outcome::kDone);
}

INSTANTIATE_TEST_SUITE_P(Table, EverySolver, ::testing::ValuesIn(names(false)));

class EveryEstimatingSolver : public EverySolver {};

TEST_P(EveryEstimatingSolver, KeepsTheToleranceForwardAndBackWithEveryController) {
  const Tensor z0 = Rotation::start();
  for (const ControllerRow& row : controllers()) {
    if (row.make == nullptr) continue;
    const double tolerance = solver().order <= 2 ? 1e-4 : solver().order == 3 ? 1e-6 : 1e-8;
    Integration plan{
        .solver = &solver(), .end = 1.2, .control = {.controller = &row, .rtol = tolerance, .atol = tolerance}};
    const auto there = integrate(plan, slope_of(field_), {z0});
    ASSERT_EQ(there.outcome, Outcome::kDone) << row.name;
    EXPECT_EQ(there.time, 1.2);
    // The tolerance is that of one step; the errors of all add up.
    EXPECT_LT(largest_difference(there.state[0], field_.solution(z0, 1.2)), 100 * tolerance) << row.name;
    EXPECT_EQ(there.statistics.trials, there.statistics.accepted + there.statistics.rejected);
    EXPECT_EQ(there.statistics.accepted, std::ssize(there.steps));
    double time = 0;
    for (const TimeStep& step : there.steps) {
      EXPECT_EQ(step.time, time);
      time = step.time + step.size;
    }
    EXPECT_NEAR(time, 1.2, 1e-12);
    std::swap(plan.start, plan.end);
    const auto back = integrate(plan, slope_of(field_), {there.state[0]});
    EXPECT_LT(largest_difference(back.state[0], z0), 300 * tolerance) << row.name;
  }
}

TEST_P(EveryEstimatingSolver, TheEstimateShrinksWithItsOrder) {
  const Stepper stepper(solver(), slope_of(field_));
  const auto error = [&](double size) {
    Trial trial;
    const State start = stepper.begin({Rotation::start()}, 0.5, Pass::kSearch);
    stepper.step(start, {.time = 0.5, .size = size}, Pass::kSearch, &trial);
    return trial.error.front().abs().max().item<double>();
  };
  EXPECT_NEAR(observed_order(error(0.02), error(0.01)), solver().error_order(), 0.15);
}

// What lies on the accepted path is evaluated once: nothing is repeated, and rejected trials are told.
TEST_P(EveryEstimatingSolver, TellsWhichEvaluationsCount) {
  std::vector<Evaluation> searched, kept;  // all are of a trial, but for that before the leapfrog's first
  int64_t accepted = 0, rejected = 0;
  const Slope slope = [&](const State& z, const Evaluation& at) {
    EXPECT_EQ(at.pass, Pass::kSearch);
    searched.push_back(at);
    return slope_of(field_)(z, at);
  };
  const auto on_trial = [&](const TimeStep& step, bool is_accepted) {
    ++(is_accepted ? accepted : rejected);
    if (is_accepted)
      for (const Evaluation& at : std::exchange(searched, {})) kept.push_back(at);
    else
      std::erase_if(searched, [&](const Evaluation& at) { return at.time != step.time; });
  };
  Integration plan{.solver = &solver(), .end = 1.2, .control = {.controller = &find_controller("search")}};
  plan.control.steps.first_step = 1.2;
  plan.control.rtol = plan.control.atol = 1e-6;
  const auto result = integrate(plan, slope, {Rotation::start()}, {.on_trial = on_trial});
  EXPECT_EQ(accepted, result.statistics.accepted);
  EXPECT_EQ(rejected, result.statistics.rejected);
  EXPECT_GT(rejected, 0);
  EXPECT_EQ(std::ssize(kept), evaluations_kept(solver(), accepted));
  for (size_t i = 1; i < kept.size(); ++i) EXPECT_LE(kept[i - 1].index, kept[i].index);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryEstimatingSolver, ::testing::ValuesIn(names(true)));

class Integrate : public ::testing::Test {
 protected:
  torch::NoGradGuard no_grad_;
  Rotation field_;
};

TEST_F(Integrate, KnownSlopesAreNotEvaluatedAgain) {
  const auto run = [&](const char* name) {
    Integration plan{
        .solver = &find_solver(name), .end = 1.2, .control = {.controller = &find_controller("pi"), .rtol = 1e-7}};
    plan.control.steps.first_step = 1;  // some rejections
    const Statistics s = integrate(plan, slope_of(field_), {Rotation::start()}).statistics;
    EXPECT_GT(s.rejected, 0);
    EXPECT_GT(s.accepted, 2);
    return s;
  };
  const Statistics last = run("dormand-prince");  // the last stage of a step is the first one of the next
  EXPECT_EQ(last.evaluations, 1 + 6 * last.trials);
  const Statistics own = run("cash-karp");  // trials at one point share the first stage
  EXPECT_EQ(own.evaluations, own.accepted + 5 * own.trials);
}

TEST_F(Integrate, TheLeapfrogsStepsCanBeUndone) {
  const Stepper stepper(find_solver("leapfrog"), slope_of(field_));
  const State start = stepper.begin({Rotation::start()}, 0, Pass::kReplay);
  State state = start;
  const auto steps = equal_steps({.solver = &stepper.solver(), .end = 1.2, .steps = 20});
  for (const TimeStep& step : steps) state = stepper.step(state, step, Pass::kReplay);
  EXPECT_GT(largest_difference(state[0], start[0]), 0.1);
  for (size_t i = steps.size(); i-- > 0;) state = stepper.undo(state, steps[i], Pass::kReplay);
  EXPECT_LT(largest_difference(state[0], start[0]), 1e-13);
  EXPECT_LT(largest_difference(state[1], start[1]), 1e-13);
}

// Of increments below half a unit in z's last place, the sum is above.
TEST_F(Integrate, AStepRoundsTheStateOnce) {
  for (const auto& [type, unit] : {std::pair{torch::kFloat32, 0x1p-23}, {torch::kBFloat16, 0x1p-7}}) {
    const Stepper stepper(find_solver("rk4"),
                          [](const State& z, const Evaluation&) { return State{torch::ones_like(z[0])}; });
    const State end = stepper.step({torch::ones({3}, type)}, {.size = 1.25 * unit}, Pass::kRecord);
    EXPECT_EQ(end[0].scalar_type(), type);
    EXPECT_EQ(end[0][0].item<double>(), 1 + unit);
  }
}

TEST_F(Integrate, SlopesOfLowPrecisionAreSummedInFloat32) {
  const Stepper stepper(find_solver("heun"), [](const State& z, const Evaluation& at) {
    return State{torch::full_like(z[0], at.index == 0 ? 1 : 0x1p-8)};
  });
  const State end = stepper.step({torch::full({1}, 0x1p-10, torch::kBFloat16)}, {.size = 2}, Pass::kRecord);
  EXPECT_EQ(end[0].item<double>(), 1 + 0x1p-7);  // next to 1 + 2^-8 + 2^-10
}

TEST_F(Integrate, EveryNormKeepsItsTolerance) {
  for (const ErrorNorm norm : {ErrorNorm::kRms, ErrorNorm::kMax}) {
    const Integration plan{.solver = &find_solver("tsit5"),
                           .end = 1.2,
                           .control = {.controller = &find_controller("pi"), .rtol = 0, .atol = 1e-9, .norm = norm}};
    const auto result = integrate(plan, slope_of(field_), {Rotation::start()});
    EXPECT_LT(largest_difference(result.state[0], field_.solution(Rotation::start(), 1.2)), 1e-8);
  }
}

TEST_F(Integrate, WhatCannotBeIntegratedHasANameACauseAndARemedy) {
  const Tensor one = torch::ones({1}, kFloat64);
  const auto run = [&](const StepControl& control, const std::function<Tensor(const Tensor&)>& f) {
    const Integration plan{.solver = &find_solver("dormand-prince"), .end = 2, .control = control};
    const Slope slope = [&](const State& z, const Evaluation&) { return State{f(z[0])}; };
    const auto result = integrate(plan, slope, {one});
    if (result.outcome != Outcome::kDone) EXPECT_ERROR(require_done(result, plan), describe(result.outcome));
    EXPECT_TRUE(torch::isfinite(result.state[0]).all().item<bool>()) << "the last good state is given";
    EXPECT_LT(result.time, 2);
    return result;
  };
  const auto pole = run({.controller = &find_controller("pi")}, [](const Tensor& z) { return z * z; });  // 1 / (1 - t)
  EXPECT_EQ(pole.outcome, Outcome::kStepTooSmall);
  EXPECT_NEAR(pole.time, 1, 1e-3);
  const auto border = run({.controller = &find_controller("pi")}, [](const Tensor& z) {
    return torch::where(z < 1.5, 1.0, std::numeric_limits<double>::quiet_NaN()).to(kFloat64);
  });
  EXPECT_EQ(border.outcome, Outcome::kStepTooSmall);
  EXPECT_NEAR(border.time, 0.5, 1e-3);
  const auto at_once = run({.controller = &find_controller("pi")}, [](const Tensor& z) { return (z - 2).sqrt(); });
  EXPECT_EQ(at_once.outcome, Outcome::kNotFinite);
  EXPECT_EQ(at_once.time, 0);
  const auto limit =
      run({.controller = &find_controller("pi"), .max_trials = 7}, [](const Tensor& z) { return -1e6 * z; });
  EXPECT_EQ(limit.outcome, Outcome::kTooManyTrials);
  EXPECT_EQ(limit.statistics.trials, 7);
}

TEST_F(Integrate, PlansOutOfRangeAreRefused) {
  const Solver& tsit5 = find_solver("tsit5");
  const auto check = [](const Integration& plan) { validate(plan); };
  EXPECT_ERROR(check({}), "no solver");
  EXPECT_ERROR(check({.solver = &tsit5, .steps = 0}), "0 steps");
  EXPECT_ERROR(check({.solver = &tsit5, .end = std::numeric_limits<double>::infinity()}), "inf");
  EXPECT_ERROR(check({.solver = &find_solver("rk4"), .control = {.controller = &find_controller("pi")}}), "'rk4'",
               "no error estimate");
  EXPECT_ERROR(check({.solver = &tsit5, .control = {.controller = &find_controller("pi"), .rtol = 0, .atol = 0}}),
               "rtol");
  EXPECT_ERROR(check({.solver = &tsit5, .control = {.controller = &find_controller("pi"), .rtol = -1}}), "rtol");
  EXPECT_ERROR(check({.solver = &tsit5, .control = {.controller = &find_controller("pi"), .max_trials = 0}}),
               "0 trials");
  EXPECT_ERROR(
      check({.solver = &tsit5,
             .control = {.controller = &find_controller("pi"), .norm = ErrorNorm::kMax, .priority = {.window = 2}}}),
      "priority");
}

// z' = A(row) z on a map whose rows 5 and 6 change fast, and faster with time.
State fast_rows(const State& z, const Evaluation& at) {
  auto rate = torch::ones({1, 1, 8, 1}, kFloat64);
  rate.slice(2, 5, 7) *= 20 * (1 + 10 * at.time);
  return {-rate * z[0]};
}

TEST_F(Integrate, PrioritySavesRowsAndChangesNoStep) {
  Integration plan{.solver = &find_solver("bogacki-shampine"), .control = {.controller = &find_controller("search")}};
  plan.control.steps.warm_start = false;
  const State z{torch::ones({2, 3, 8, 4}, kFloat64)};
  const auto whole = integrate(plan, fast_rows, z);
  plan.control.priority.window = 2;
  const auto saving = integrate(plan, fast_rows, z);
  EXPECT_EQ(whole.statistics.rows_saved, 0);
  EXPECT_GT(saving.statistics.rejected, 20);
  EXPECT_EQ(saving.statistics.rows + saving.statistics.rows_saved, 8 * saving.statistics.trials);
  // Every rejection but the first of a point stops within the window.
  EXPECT_GT(saving.statistics.rows_saved, 6 * (saving.statistics.rejected - saving.statistics.accepted));
  EXPECT_EQ(saving.steps, whole.steps);
  EXPECT_TRUE(torch::equal(saving.state[0], whole.state[0]));
}

TEST_F(Integrate, ASlopeAdaptiveSearchTriesLessThanTheConventionalOne) {
  const Slope lotka_volterra = [](const State& z, const Evaluation&) {
    const auto x = z[0].select(1, 0), y = z[0].select(1, 1);
    return State{torch::stack({1.5 * x - x * y, x * y - 3 * y}, 1)};
  };
  const auto trials = [&](const char* controller, bool warm_start, int threshold) {
    Integration plan{.solver = &find_solver("bogacki-shampine"), .end = 5};
    plan.control = {.controller = &find_controller(controller),
                    .rtol = 0,
                    .atol = 5e-7,
                    .steps = {.first_step = 0.1, .warm_start = warm_start, .accepts = threshold, .rejects = threshold}};
    const auto result = integrate(plan, lotka_volterra, {torch::tensor({{1.0, 1.0}, {2.0, 0.5}}, kFloat64)});
    EXPECT_EQ(result.outcome, Outcome::kDone);
    return result.statistics.trials;
  };
  const int64_t conventional = trials("search", /*warm_start=*/false, 1);
  for (const int threshold : {1, 2, 3, 5}) {
    EXPECT_LT(trials("slope", /*warm_start=*/true, threshold), conventional / 2) << threshold;
  }
}

}  // namespace
}  // namespace odenet::ode
