#include "ode/solver.h"

#include <algorithm>
#include <vector>

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

}  // namespace odenet::ode
