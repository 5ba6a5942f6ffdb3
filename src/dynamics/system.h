// Dynamic systems that networks learn from their trajectories: one row each, with the true right-hand side. They are
// the two workloads of the eNODE paper beside image classification (its equations (6) and (7)).
//
//   const System& system = find_system("lotka-volterra");
//   std::vector<double> z(system.dimension), dz(system.dimension);
//   system.start(random, z);
//   system.slope(z, dz);        // z' = f(z); no system depends on the time
#pragma once

#include <span>
#include <string_view>

#include "data/random.h"

namespace odenet::dynamics {

struct System {
  std::string_view name, help;
  int dimension = 0;
  double interval = 0;  // between the samples of a trajectory, in the system's time
  int intervals = 0;    // of a trajectory
  void (*slope)(std::span<const double> z, std::span<double> dz) = nullptr;
  void (*start)(data::Random& random, std::span<double> z) = nullptr;
};

std::span<const System> systems();
const System* find_system_or_null(std::string_view name);

// Throws Error listing the names.
const System& find_system(std::string_view name);

// Of the three bodies, per unit mass of one: conserved by the true motion. z: [18], positions and then velocities.
double three_body_energy(std::span<const double> z);

}  // namespace odenet::dynamics
