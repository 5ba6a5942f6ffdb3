// Everything that can advance z' = f(t, z) by a step, one row each: the Runge-Kutta methods of ode/tableau.h, and the
// reversible asynchronous leapfrog. No LibTorch.
//
//   const Solver& solver = find_solver("rk4");
//   evaluations(solver, 10);   // of f in 10 fixed steps: 40
//
// The asynchronous leapfrog (U. Mutze, 2013; MALI, J. Zhuang et al., 2021) carries v, an approximation of z', beside z:
//   m = z + h/2 v,  w = f(t + h/2, m),  v <- 2 w - v,  z <- m + h/2 v       v(0) = f(0, z(0))
// It is of second order, takes one evaluation a step, and can be undone exactly: m = z - h/2 v, and so on back.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ode/tableau.h"

namespace odenet::ode {

struct Solver {
  std::string_view name, help;
  int order = 0;
  const Tableau* tableau = nullptr;  // null: the asynchronous leapfrog

  bool leapfrog() const { return tableau == nullptr; }
  bool estimates_error() const { return leapfrog() || tableau->embedded(); }
  // The estimate is O(h^error_order).
  int error_order() const;
};

std::span<const Solver> solvers();

// Throws Error listing the names.
const Solver& find_solver(std::string_view name);

// Throws Error unless the solver can follow its error.
void require_error_estimate(const Solver& solver);

// Of f in one fixed step, and before the first one.
int evaluations_per_step(const Solver& solver);
int evaluations_before(const Solver& solver);

// How many steps of that size there are in `time`. Throws Error unless it is a whole number, to 1e-6.
int64_t steps_of_size(double time, double size);

// The time of each evaluation in that many equal steps from 0 to `end`.
std::vector<double> evaluation_times(const Solver& solver, int64_t steps, double end);

inline int64_t evaluations(const Solver& solver, int64_t steps) {
  return evaluations_before(solver) + steps * evaluations_per_step(solver);
}

}  // namespace odenet::ode
