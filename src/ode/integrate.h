// z' = f(t, z) from one time to another, by equal steps or by steps that follow the error; forward or back in time.
//
//   const Integration plan{.solver = &find_solver("dormand-prince"),
//                          .control = {.controller = &find_controller("pi"), .rtol = 1e-6}};
//
//   Integrated result = integrate(plan, slope, {z});
//   require_done(result, plan);   // or look at result.outcome
//   result.state[0];              // z(1)
//   result.statistics.evaluations;
#pragma once

#include <functional>
#include <vector>

#include "ode/outcome.h"
#include "ode/priority.h"
#include "ode/step_controller.h"
#include "ode/stepper.h"

namespace odenet::ode {

// Of the estimated error e, in tolerances: e_i / (atol + rtol max(|z_i| before, |z_i| after)).
enum class ErrorNorm { kRms, kMax };  // root of the mean square, or the largest

// Without controller, or with the one of "fixed", steps are equal and the rest is not looked at.
struct StepControl {
  const ControllerRow* controller = nullptr;
  double rtol = 1e-3, atol = 1e-6;
  ErrorNorm norm = ErrorNorm::kRms;
  ControllerOptions steps = {};   // its error_order is set to the solver's
  PriorityOptions priority = {};  // rows: of the height of [N, C, H, W], else of the first dimension; not with kMax
  size_t controlled = 0;          // the first so many tensors of the state have an error that counts; 0: all
  int64_t max_trials = 100000;
};

struct Integration {
  const Solver* solver = nullptr;
  double start = 0, end = 1;
  int64_t steps = 1;  // if they are equal
  StepControl control = {};

  bool adaptive() const { return control.controller != nullptr && control.controller->make != nullptr; }
};

struct Statistics {
  int64_t evaluations = 0;
  int64_t trials = 0, accepted = 0, rejected = 0;
  int64_t rows = 0, rows_saved = 0;  // of error maps of trials: computed, and left out by priority processing

  Statistics& operator+=(const Statistics& other);
  bool operator==(const Statistics&) const = default;
};

struct Integrated {
  State state;                  // at the end, or where it broke off; of the leapfrog z followed by v
  std::vector<TimeStep> steps;  // accepted
  Statistics statistics;
  Outcome outcome = Outcome::kDone;
  double time = 0;  // reached
};

// on_step: receives every accepted step with the state that it began with. on_trial: in adaptive integrations, every
// trial with whether it was accepted. A state that stops being finite is an outcome of adaptive integrations only;
// equal steps carry it to the end, as any network does.
struct IntegrateHooks {
  std::function<void(const State& before, const TimeStep& step)> on_step = {};
  std::function<void(const TimeStep& step, bool accepted)> on_trial = {};
  Pass pass = Pass::kRecord;  // of equal steps
};
Integrated integrate(const Integration& plan, const Slope& slope, State z, const IntegrateHooks& hooks = {});

// Throws Error with the outcome's cause and remedy.
void require_done(const Integrated& result, const Integration& plan);

// The equal steps of a plan that is not adaptive.
std::vector<TimeStep> equal_steps(const Integration& plan);

// Throws Error for options out of range, or a solver without error estimate in an adaptive plan.
void validate(const Integration& plan);

}  // namespace odenet::ode
