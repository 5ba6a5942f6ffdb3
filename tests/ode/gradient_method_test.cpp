#include "ode/gradient_method.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::ode {
namespace {

TEST(GradientMethod, EachIsFoundByItsName) {
  for (const GradientRow& row : gradients()) {
    EXPECT_EQ(find_gradient(row.name).gradient, row.gradient);
    EXPECT_EQ(row_of(row.gradient).name, row.name);
    EXPECT_EQ(row.exact, row.gradient != Gradient::kAdjoint);
  }
  EXPECT_ERROR(find_gradient("ant"), "'ant'", "backprop", "mali");
}

TEST(GradientMethod, MaliIsRefusedForStepsThatCannotBeUndone) {
  for (const Solver& solver : solvers())
    for (const GradientRow& row : gradients()) {
      if (row.gradient == Gradient::kMali && !solver.leapfrog())
        EXPECT_ERROR(check_pair(row.gradient, solver), "'mali'", "cannot be undone", "leapfrog");
      else
        EXPECT_NO_THROW(check_pair(row.gradient, solver)) << row.name << ", " << solver.name;
    }
}

TEST(GradientMethod, OnlyBackpropsMemoryGrowsWithTheStepsInTheForwardPass) {
  const Solver &rk4 = find_solver("rk4"), &leapfrog = find_solver("leapfrog");
  for (const int64_t steps : {1, 8, 256}) {
    const auto backprop = memory_of(Gradient::kBackprop, rk4, steps);
    EXPECT_EQ(backprop.evaluations, 4 * steps);
    EXPECT_EQ(backprop.states + backprop.replayed, 0);
    const auto anode = memory_of(Gradient::kAnode, rk4, steps);
    EXPECT_EQ(anode.states, 1);
    EXPECT_EQ(anode.evaluations, 0);
    EXPECT_EQ(anode.replayed, 4 * steps);
    const auto aca = memory_of(Gradient::kAca, rk4, steps);
    EXPECT_EQ(aca.states, steps);
    EXPECT_EQ(aca.replayed, 4);
    const auto adjoint = memory_of(Gradient::kAdjoint, rk4, steps);
    EXPECT_EQ(adjoint.states, 1);
    EXPECT_EQ(adjoint.replayed, 1);
    const auto mali = memory_of(Gradient::kMali, leapfrog, steps);
    EXPECT_EQ(mali.states, 2);
    EXPECT_EQ(mali.replayed, 1);
  }
}

}  // namespace
}  // namespace odenet::ode
