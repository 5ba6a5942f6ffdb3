// How an ODEBlock of the integer network advances z: the fixed steps of ode/solver.h in integers.
//
//   const Method method = method_of(find_solver("rk4"), scale_format);
//
// Write K_i for the block's f in evaluation i with the step size folded into its last norm, so h f, in the format of z;
// c * x is sat(round_half_up(x c, fraction of the scale format)), and every sum saturates. One step is
//   Euler         z <- z + K
//   Runge-Kutta   u_i = z + a_i0 * K_0 + a_i1 * K_1 + ..., K_i = K(u_i);   z <- z + b_0 * K_0 + b_1 * K_1 + ...
//                 terms with a coefficient of zero left out, sums from left to right
//   leapfrog      before the first step V = K(z); m = z + V/2, W = K(m), V <- 2 W - V, z <- m + V/2
//                 with x/2 rounded half up
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "fixed/arithmetic.h"
#include "ode/solver.h"

namespace odenet::fixed {

struct Euler {
  bool operator==(const Euler&) const = default;
};

// Coefficients in the scale format.
struct RungeKutta {
  int stages = 1;
  std::vector<int32_t> a{};  // [stages, stages], zero from the diagonal on
  std::vector<int32_t> b{};  // [stages]

  bool operator==(const RungeKutta&) const = default;
};

struct Leapfrog {
  bool operator==(const Leapfrog&) const = default;
};

using Method = std::variant<Euler, RungeKutta, Leapfrog>;

// Throws Error where a coefficient does not fit the format.
Method method_of(const ode::Solver& solver, Format scale);

// Throws Error unless it is an explicit method whose stages divide the block's evaluations.
void check_method(const Method& method, const std::string& block, int evaluations);

}  // namespace odenet::fixed
