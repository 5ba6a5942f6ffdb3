#include "dynamics/system.h"

#include <array>
#include <cmath>

#include "core/error.h"
#include "core/names.h"

namespace odenet::dynamics {

namespace {

double uniform(data::Random& random, double low, double high) { return low + (high - low) * random.unit(); }

// Prey x and predators y: x' = x (3/2 - y), y' = y (x - 3). Periodic around (3, 3/2).
void lotka_volterra(std::span<const double> z, std::span<double> dz) {
  dz[0] = z[0] * (1.5 - z[1]);
  dz[1] = z[1] * (z[0] - 3);
}

void lotka_volterra_start(data::Random& random, std::span<double> z) {
  z[0] = uniform(random, 1, 5);
  z[1] = uniform(random, 0.75, 2.5);
}

constexpr size_t kBodies = 3, kSpace = 3, kVelocities = kBodies * kSpace;

double distance(std::span<const double> z, size_t i, size_t j) {
  double square = 0;
  for (size_t k = 0; k < kSpace; ++k) square += std::pow(z[i * kSpace + k] - z[j * kSpace + k], 2);
  return std::sqrt(square);
}

// Equal masses 1 and G = 1: r_i'' = sum_j (r_j - r_i) / |r_j - r_i|^3.
void three_body(std::span<const double> z, std::span<double> dz) {
  for (size_t n = 0; n < kVelocities; ++n) dz[n] = z[kVelocities + n];
  for (size_t i = 0; i < kBodies; ++i)
    for (size_t k = 0; k < kSpace; ++k) {
      double acceleration = 0;
      for (size_t j = 0; j < kBodies; ++j)
        if (j != i) acceleration += (z[j * kSpace + k] - z[i * kSpace + k]) / std::pow(distance(z, i, j), 3);
      dz[kVelocities + i * kSpace + k] = acceleration;
    }
}

// Near the figure-eight orbit of A. Chenciner and R. Montgomery (2000), with C. Simo's initial values: stable, so that
// trajectories can be told from each other and predicted over its period of 6.3259.
void three_body_start(data::Random& random, std::span<double> z) {
  constexpr std::array<double, 18> kFigureEight{
      0.97000436,  -0.24308753, 0, -0.97000436, 0.24308753, 0, 0,           0,           0,   // positions
      0.466203685, 0.43236573,  0, 0.466203685, 0.43236573, 0, -0.93240737, -0.86473146, 0};  // velocities
  constexpr double kSpread = 0.02;
  for (size_t n = 0; n < z.size(); ++n) z[n] = kFigureEight[n] + uniform(random, -kSpread, kSpread);
}

constexpr System kSystems[] = {
    {"lotka-volterra", "prey and predators; 2 dimensions, about two periods", 2, 0.1, 64, lotka_volterra,
     lotka_volterra_start},
    {"three-body", "three equal masses near the figure-eight orbit; 18 dimensions, one period", 18, 0.1, 63, three_body,
     three_body_start},
};

}  // namespace

std::span<const System> systems() { return kSystems; }

const System* find_system_or_null(std::string_view name) { return find_named(systems(), name); }

const System& find_system(std::string_view name) {
  if (const System* system = find_system_or_null(name)) return *system;
  throw Error("unknown dynamic system '{}'; there are {}", name, names_of(systems()));
}

double three_body_energy(std::span<const double> z) {
  double energy = 0;
  for (size_t n = 0; n < kVelocities; ++n) energy += z[kVelocities + n] * z[kVelocities + n] / 2;
  for (size_t i = 0; i < kBodies; ++i)
    for (size_t j = 0; j < i; ++j) energy -= 1 / distance(z, i, j);
  return energy;
}

}  // namespace odenet::dynamics
