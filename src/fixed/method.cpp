#include "fixed/method.h"

#include "core/error.h"

namespace odenet::fixed {

Method method_of(const ode::Solver& solver, Format scale) {
  if (solver.leapfrog()) return Leapfrog();
  const ode::Tableau& tableau = *solver.tableau;
  const int stages = tableau.fixed_stages();
  if (stages == 1) return Euler();
  const auto convert = [&](double coefficient) {
    const auto value = to_fixed(coefficient, scale);
    if (!value)
      throw Error("solver '{}': its coefficient {} is out of range for {}", solver.name, coefficient, describe(scale));
    return *value;
  };
  RungeKutta method{.stages = stages};
  for (int i = 0; i < stages; ++i)
    for (int j = 0; j < stages; ++j) method.a.push_back(j < i ? convert(tableau.at(i, j)) : 0);
  for (int i = 0; i < stages; ++i) method.b.push_back(convert(tableau.weight(i)));
  return method;
}

void check_method(const Method& method, const std::string& block, int evaluations) {
  if (std::holds_alternative<Leapfrog>(method) && evaluations < 2)
    throw Error("block {}: {} evaluations, expected one before the first leapfrog step and one for each", block,
                evaluations);
  const auto* runge_kutta = std::get_if<RungeKutta>(&method);
  if (!runge_kutta) return;
  const auto& [count, a, b] = *runge_kutta;
  const auto refuse = [&](const std::string& why) { throw Error("block {}: Runge-Kutta {}", block, why); };
  const auto stages = static_cast<size_t>(count);
  if (count < 1 || a.size() != stages * stages || b.size() != stages)
    refuse(fmt::format("of {} stages has {} and {} coefficients", count, a.size(), b.size()));
  if (evaluations % count != 0)
    refuse(fmt::format("of {} stages for {} evaluations, expected a multiple", count, evaluations));
  for (size_t i = 0; i < stages; ++i)
    for (size_t j = i; j < stages; ++j)
      if (a[i * stages + j] != 0) refuse("is not explicit");
}

}  // namespace odenet::fixed
