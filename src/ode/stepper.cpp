#include "ode/stepper.h"

#include <torch/torch.h>

namespace odenet::ode {

namespace {

// The halves of a leapfrog state.
State first_half(const State& state) {
  return {state.begin(), state.begin() + static_cast<ptrdiff_t>(state.size() / 2)};
}
State second_half(const State& state) {
  return {state.begin() + static_cast<ptrdiff_t>(state.size() / 2), state.end()};
}
State joined(State z, const State& v) {
  z.insert(z.end(), v.begin(), v.end());
  return z;
}

// sum_i factor(i) slopes[i], without the terms of factor 0; at least one must remain.
template <typename Factor>
State combination(const std::vector<State>& slopes, const Factor& factor) {
  State sum;
  for (size_t i = 0; i < slopes.size(); ++i) {
    const double weight = factor(static_cast<int>(i));
    if (weight == 0) continue;
    if (sum.empty())
      for (const auto& slope : slopes[i]) sum.push_back(slope * weight);
    else
      sum = plus(sum, weight, slopes[i]);
  }
  return sum;
}

}  // namespace

State plus(const State& z, double factor, const State& slope) {
  State sum;
  for (size_t i = 0; i < z.size(); ++i) sum.push_back(torch::add(z[i], slope[i], factor));
  return sum;
}

State Stepper::begin(State z, double time, Pass pass) const {
  if (!solver_.leapfrog()) return z;
  const State v = slope_(z, {.time = time, .index = 0, .pass = pass});
  return joined(std::move(z), v);
}

State Stepper::solution(const State& state) const { return solver_.leapfrog() ? first_half(state) : state; }

State Stepper::step(const State& state, const TimeStep& step, Pass pass, Trial* trial) const {
  return solver_.leapfrog() ? leapfrog(state, step, pass, trial) : runge_kutta(state, step, pass, trial);
}

State Stepper::runge_kutta(const State& z, const TimeStep& step, Pass pass, Trial* trial) const {
  const Tableau& method = *solver_.tableau;
  const int stages = trial ? method.stages : method.fixed_stages();
  std::vector<State> slopes;
  for (int i = 0; i < stages; ++i) {
    if (i == 0 && trial && !trial->first_slope.empty()) {
      slopes.push_back(trial->first_slope);
      continue;
    }
    State stage = z;
    for (int j = 0; j < i; ++j)
      if (method.at(i, j) != 0) stage = plus(stage, step.size * method.at(i, j), slopes[static_cast<size_t>(j)]);
    slopes.push_back(
        slope_(stage, {.time = step.time + method.node(i) * step.size,
                       .index = step.index * method.fixed_stages() + std::min(i, method.fixed_stages() - 1),
                       .pass = pass}));
  }
  if (trial) {
    trial->first_slope = slopes.front();
    trial->last_slope = method.first_same_as_last() ? slopes.back() : State();
    const torch::NoGradGuard no_grad;
    trial->error = combination(slopes, [&](int i) { return step.size * method.error_weight(i); });
  }
  State result = z;
  for (int i = 0; i < stages; ++i)
    if (method.weight(i) != 0) result = plus(result, step.size * method.weight(i), slopes[static_cast<size_t>(i)]);
  return result;
}

State Stepper::leapfrog(const State& state, const TimeStep& step, Pass pass, Trial* trial) const {
  const State z = first_half(state), v = second_half(state);
  const double half = step.size / 2;
  const State middle = plus(z, half, v);
  const State w = slope_(middle, {.time = step.time + half, .index = 1 + step.index, .pass = pass});
  State after;  // 2 w - v
  for (size_t i = 0; i < v.size(); ++i) after.push_back(2 * w[i] - v[i]);
  if (trial) {
    trial->first_slope = v;
    const torch::NoGradGuard no_grad;
    trial->error.clear();
    for (size_t i = 0; i < v.size(); ++i) trial->error.push_back((w[i] - v[i]) * step.size);  // against Euler's step
  }
  return joined(plus(middle, half, after), after);
}

State Stepper::undo(const State& state, const TimeStep& step, Pass pass) const {
  const State z = first_half(state), v = second_half(state);
  const double half = step.size / 2;
  const State middle = plus(z, -half, v);
  const State w = slope_(middle, {.time = step.time + half, .index = 1 + step.index, .pass = pass});
  State before;
  for (size_t i = 0; i < v.size(); ++i) before.push_back(2 * w[i] - v[i]);
  return joined(plus(middle, -half, before), before);
}

}  // namespace odenet::ode
