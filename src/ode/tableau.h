// Explicit Runge-Kutta methods as data: one row a method. No LibTorch: the integer network and the engine's compiler
// read the same table.
//
//   const Tableau& method = find_tableau("rk4");
//   for (int i = 0; i < method.stages; ++i)              // k_i = f(t + c_i h, z + h sum_j a(i, j) k_j)
//     for (int j = 0; j < i; ++j) ... method.at(i, j);   // z <- z + h sum_i b_i k_i
//
// A method with an embedded one has a second weight vector of another order, for the same stages; the difference of
// the two results estimates the error of a step.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace odenet::ode {

inline constexpr int kMaxStages = 7;

struct Tableau {
  std::string_view name, help, source;
  int order = 0;           // of the result that is carried on
  int embedded_order = 0;  // of the other one; 0: there is none
  int stages = 0;
  std::array<std::array<double, kMaxStages - 1>, kMaxStages> a{};
  std::array<double, kMaxStages> b{}, c{}, embedded_b{};

  double at(int i, int j) const { return a[static_cast<size_t>(i)][static_cast<size_t>(j)]; }
  double weight(int i) const { return b[static_cast<size_t>(i)]; }
  double node(int i) const { return c[static_cast<size_t>(i)]; }
  // Of k_i in the error estimate: result minus embedded result.
  double error_weight(int i) const { return b[static_cast<size_t>(i)] - embedded_b[static_cast<size_t>(i)]; }

  bool embedded() const { return embedded_order > 0; }
  // The last stage is f at the step's end, so the first one of the next step.
  bool first_same_as_last() const;
  // Stages that the result depends on: those behind serve the error estimate only, and a fixed step leaves them out.
  int fixed_stages() const;
};

std::span<const Tableau> tableaus();

// Throws Error listing the names.
const Tableau& find_tableau(std::string_view name);

}  // namespace odenet::ode
