// One step of a solver over tensors.
//
//   Stepper stepper(find_solver("rk4"), slope);
//   State state = stepper.begin({z}, 0, Pass::kRecord);
//   state = stepper.step(state, {.time = 0, .size = 0.1, .index = 0}, Pass::kRecord);
//   state[0];   // z(0.1)
#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

#include "ode/field.h"
#include "ode/solver.h"

namespace odenet::ode {

// z, of any number of tensors.
using State = std::vector<torch::Tensor>;
using Slope = std::function<State(const State& z, const Evaluation& at)>;

struct TimeStep {
  double time = 0, size = 0;  // negative size: back in time
  int64_t index = 0;          // of the steps before it, how many

  bool operator==(const TimeStep&) const = default;
};

// What an adaptive integration wants to know of a trial.
struct Trial {
  State first_slope;  // in: f at the step's start, if known. out: the same, known
  State last_slope;   // f at the step's end, if the solver evaluates it
  State error;        // estimated, of z; without graph
};

class Stepper {
 public:
  Stepper(const Solver& solver, Slope slope) : solver_(solver), slope_(std::move(slope)) {}

  // What a step takes and gives: z, for the leapfrog followed by v.
  State begin(State z, double time, Pass pass) const;

  // With `trial`, the solver must estimate errors.
  State step(const State& state, const TimeStep& step, Pass pass, Trial* trial = nullptr) const;

  // Leapfrog only: the state before a step from the one after it.
  State undo(const State& state, const TimeStep& step, Pass pass) const;

  const Solver& solver() const { return solver_; }

 private:
  State runge_kutta(const State& z, const TimeStep& step, Pass pass, Trial* trial) const;
  State leapfrog(const State& state, const TimeStep& step, Pass pass, Trial* trial) const;

  const Solver& solver_;
  Slope slope_;
};

// z + factor * slope, tensor by tensor, of z's type.
State plus(const State& z, double factor, const State& slope);

}  // namespace odenet::ode
