#include "ode/solver.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/names.h"

namespace odenet::ode {

int Solver::error_order() const { return leapfrog() ? 2 : std::min(tableau->order, tableau->embedded_order) + 1; }

std::span<const Solver> solvers() {
  static const std::vector<Solver> table = [] {
    std::vector<Solver> rows;
    for (const Tableau& t : tableaus()) rows.push_back({t.name, t.help, t.order, &t});
    rows.push_back({"leapfrog", "asynchronous leapfrog: second order by one evaluation, reversible", 2, nullptr});
    return rows;
  }();
  return table;
}

const Solver& find_solver(std::string_view name) {
  if (const Solver* row = find_named(solvers(), name)) return *row;
  throw Error("unknown solver '{}'; there are {}", name, names_of(solvers()));
}

void require_error_estimate(const Solver& solver) {
  if (!solver.estimates_error())
    throw Error(
        "solver '{}' has no error estimate for adaptive steps; take one with an embedded method, such as "
        "heun-euler or dormand-prince, or fixed steps",
        solver.name);
}

int evaluations_per_step(const Solver& solver) { return solver.leapfrog() ? 1 : solver.tableau->fixed_stages(); }
int evaluations_before(const Solver& solver) { return solver.leapfrog() ? 1 : 0; }

int64_t steps_of_size(double time, double size) {
  constexpr double kTolerance = 1e-6, kMost = 1e9;
  const double steps = time / size, whole = std::round(steps);
  if (!(size > 0) || !(whole >= 1 && whole <= kMost) || std::abs(steps - whole) > kTolerance * whole)
    throw Error("step-size is {:g}: the time {:g} is no whole number of such steps; 1/K of it is, or give --steps K",
                size, time);
  return static_cast<int64_t>(whole);
}

std::vector<double> evaluation_times(const Solver& solver, int64_t steps, double end) {
  std::vector<double> times;
  if (solver.leapfrog()) times.push_back(0);
  const double size = end / static_cast<double>(steps);
  for (int64_t i = 0; i < steps; ++i)
    for (int stage = 0; stage < evaluations_per_step(solver); ++stage)
      times.push_back(size * (static_cast<double>(i) + (solver.leapfrog() ? 0.5 : solver.tableau->node(stage))));
  return times;
}

}  // namespace odenet::ode
