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

// In float32 at least.
State widened(State state) {
  for (auto& tensor : state) tensor = tensor.to(torch::promote_types(tensor.scalar_type(), torch::kFloat32));
  return state;
}

// sum_i weight(i) slopes[i] as factor * state: the first term's factor, which spares it a pass of its own. No terms:
// none of weight(i) != 0.
struct Combination {
  State state;
  double factor = 0;
};
template <typename Weight>
Combination combination(const std::vector<State>& slopes, const Weight& weight) {
  Combination sum;
  for (size_t i = 0; i < slopes.size(); ++i) {
    const double own = weight(static_cast<int>(i));
    if (own == 0) continue;
    if (sum.state.empty())
      sum = {slopes[i], own};
    else
      sum.state = plus(widened(std::move(sum.state)), own / sum.factor, slopes[i]);
  }
  return sum;
}

// Slopes are summed before they meet z, or each would cost a rounding of z, which is larger.
State advanced(const State& z, double factor, const Combination& slope) {
  return slope.state.empty() ? z : plus(z, factor * slope.factor, slope.state);
}

}  // namespace

State plus(const State& z, double factor, const State& slope) {
  State sum;
  for (size_t i = 0; i < z.size(); ++i) sum.push_back(torch::add(z[i], slope[i], factor).to(z[i].scalar_type()));
  return sum;
}

State Stepper::begin(State z, double time, Pass pass) const {
  if (!solver_.leapfrog()) return z;
  const State v = slope_(z, {.time = time, .index = 0, .pass = pass});
  return joined(std::move(z), v);
}

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
    const State stage = advanced(z, step.size, combination(slopes, [&](int j) { return method.at(i, j); }));
    slopes.push_back(
        slope_(stage, {.time = step.time + method.node(i) * step.size,
                       .index = step.index * method.fixed_stages() + std::min(i, method.fixed_stages() - 1),
                       .pass = pass}));
  }
  if (trial) {
    trial->first_slope = slopes.front();
    trial->last_slope = method.first_same_as_last() ? slopes.back() : State();
    const torch::NoGradGuard no_grad;
    const Combination error = combination(slopes, [&](int i) { return method.error_weight(i); });
    trial->error.clear();
    for (const auto& tensor : error.state) trial->error.push_back(tensor * (step.size * error.factor));
  }
  return advanced(z, step.size, combination(slopes, [&](int i) { return method.weight(i); }));
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
