#include "dynamics/system.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "dynamics/trajectories.h"
#include "support/expect_error.h"

namespace odenet::dynamics {
namespace {

std::vector<double> row(const torch::Tensor& samples, int64_t i, int64_t k) {
  const auto z = samples[i][k].contiguous();
  return {z.data_ptr<double>(), z.data_ptr<double>() + z.numel()};
}

TEST(System, AreFoundByName) {
  for (const System& system : systems()) EXPECT_EQ(&find_system(system.name), &system);
  EXPECT_EQ(find_system_or_null("cifar10"), nullptr);
  EXPECT_ERROR(find_system("pendulum"), "'pendulum'", "lotka-volterra", "three-body");
}

// x - 3 log x + y - 1.5 log y is constant along the true motion.
TEST(Trajectories, OfLotkaVolterraKeepTheirInvariant) {
  const System& system = find_system("lotka-volterra");
  const auto samples = trajectories(system, "train", 4);
  const auto invariant = [](const std::vector<double>& z) {
    return z[0] - 3 * std::log(z[0]) + z[1] - 1.5 * std::log(z[1]);
  };
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t k = 0; k <= system.intervals; ++k)
      EXPECT_NEAR(invariant(row(samples, i, k)), invariant(row(samples, i, 0)), 1e-9);
}

TEST(Trajectories, OfThreeBodiesKeepEnergyAndMomentum) {
  const System& system = find_system("three-body");
  const auto samples = trajectories(system, "train", 4);
  for (int64_t i = 0; i < 4; ++i) {
    const auto start = row(samples, i, 0), end = row(samples, i, system.intervals);
    EXPECT_NEAR(three_body_energy(end), three_body_energy(start), 1e-8);
    for (size_t k = 9; k < 12; ++k)
      EXPECT_NEAR(end[k] + end[k + 3] + end[k + 6], start[k] + start[k + 3] + start[k + 6], 1e-9);
  }
}

// About one period, in which no body leaves.
TEST(Trajectories, OfThreeBodiesStayNearTheFigureEight) {
  const System& system = find_system("three-body");
  EXPECT_NEAR(system.interval * system.intervals, 6.3259, 0.05);
  const auto positions = trajectories(system, "test", 8).slice(2, 0, 9);
  EXPECT_LT(positions.abs().max().item<double>(), 1.5);
  EXPECT_GT(positions.slice(2, 0, 1).abs().amax(1).min().item<double>(), 0.7) << "each swings to both sides";
}

TEST(Trajectories, AreReproducibleAndDifferBetweenSplits) {
  for (const System& system : systems()) {
    const auto four = trajectories(system, "train", 4);
    EXPECT_EQ(four.sizes().vec(), (std::vector<int64_t>{4, system.intervals + 1, system.dimension}));
    EXPECT_TRUE(torch::equal(trajectories(system, "train", 2), four.slice(0, 0, 2)));
    EXPECT_GT((trajectories(system, "test", 4) - four).abs().select(1, 0).min().item<double>(), 0);
  }
  EXPECT_ERROR(trajectories(systems()[0], "validation", 1), "'validation'", "train, test");
}

}  // namespace
}  // namespace odenet::dynamics
