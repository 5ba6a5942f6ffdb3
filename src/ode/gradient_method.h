// The ways to differentiate an integration, as data; ode/gradient.h has what they compute. No LibTorch.
//
//   check_pair(find_gradient("mali").gradient, find_solver("rk4"));   // Error: needs a reversible solver
#pragma once

#include <span>
#include <string_view>

#include "ode/solver.h"

namespace odenet::ode {

enum class Gradient { kBackprop, kAnode, kAca, kAdjoint, kMali };

struct GradientRow {
  Gradient gradient;
  std::string_view name, help;
  bool exact;            // the gradient of the steps that were taken
  bool rebuilds_states;  // by computing backwards in time, which low precision does not survive
};

std::span<const GradientRow> gradients();

// Throws Error listing the names.
const GradientRow& find_gradient(std::string_view name);
const GradientRow& row_of(Gradient gradient);

// Whether the method can differentiate that solver; check_pair() throws Error with the reason if it cannot.
bool sound(Gradient gradient, const Solver& solver);
void check_pair(Gradient gradient, const Solver& solver);

// What a gradient method holds at most, in units to be multiplied by their sizes.
struct GradientMemory {
  int64_t states = 0;       // kept from the forward to the backward pass, each as large as z
  int64_t evaluations = 0;  // whose intermediate values are kept from the forward to the backward pass
  int64_t replayed = 0;     // whose intermediate values live at once within the backward pass
  int64_t working = 0;      // states that the backward pass computes with: of methods that rebuild them, several
};
GradientMemory memory_of(Gradient gradient, const Solver& solver, int64_t steps);

}  // namespace odenet::ode
