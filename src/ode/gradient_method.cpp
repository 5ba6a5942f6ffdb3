#include "ode/gradient_method.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/names.h"

namespace odenet::ode {

namespace {

constexpr auto kGradients = std::to_array<GradientRow>({
    {Gradient::kBackprop, "backprop", "exact, by keeping every evaluation of the forward pass; fastest", true, false},
    {Gradient::kAnode, "anode", "exact, by repeating the whole integration in the backward pass", true, false},
    {Gradient::kAca, "aca", "exact, by keeping the states between the steps and repeating one step at a time", true,
     false},
    {Gradient::kAdjoint, "adjoint",
     "the adjoint equation solved backwards: least memory, but inexact; not recommended for few steps or Euler", false,
     true},
    {Gradient::kMali, "mali", "exact, by undoing the steps; least memory, solver leapfrog only", true, true},
});

}  // namespace

std::span<const GradientRow> gradients() { return kGradients; }

const GradientRow& find_gradient(std::string_view name) {
  if (const GradientRow* row = find_named(kGradients, name)) return *row;
  throw Error("unknown gradient method '{}'; there are {}", name, names_of(kGradients));
}

const GradientRow& row_of(Gradient gradient) {
  return *std::ranges::find(kGradients, gradient, &GradientRow::gradient);
}

bool sound(Gradient gradient, const Solver& solver) { return gradient != Gradient::kMali || solver.leapfrog(); }

void check_pair(Gradient gradient, const Solver& solver) {
  if (!sound(gradient, solver))
    throw Error(
        "gradient method 'mali' undoes the steps, and a step of solver '{}' cannot be undone: it is no function of its "
        "result. Take solver leapfrog, or gradient method aca",
        solver.name);
}

GradientMemory memory_of(Gradient gradient, const Solver& solver, int64_t steps) {
  const int64_t all = evaluations(solver, steps), step = evaluations_per_step(solver);
  const int64_t parts = solver.leapfrog() ? 2 : 1;  // of a state
  switch (gradient) {
    case Gradient::kBackprop:
      return {.evaluations = all};
    case Gradient::kAnode:
      return {.states = 1, .replayed = all};
    case Gradient::kAca:
      return {.states = steps * parts, .replayed = step};
    case Gradient::kAdjoint:
      // Each slope of the adjoint equation is its own; z and its adjoint have a state and a slope per stage.
      return {.states = 1, .replayed = 1, .working = 2 * (1 + step)};
    case Gradient::kMali:
      // z and v behind and before the step, with their gradients.
      return {.states = parts, .replayed = step, .working = 4 * parts};
  }
  return {};
}

}  // namespace odenet::ode
