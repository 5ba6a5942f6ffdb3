#include "ode/solver.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace odenet::ode {
namespace {

TEST(Solver, ThereIsOneForEveryTableauAndTheLeapfrog) {
  ASSERT_EQ(solvers().size(), tableaus().size() + 1);
  for (const Tableau& method : tableaus()) {
    const Solver& solver = find_solver(method.name);
    EXPECT_EQ(solver.tableau->name, method.name);
    EXPECT_EQ(solver.order, method.order);
    EXPECT_EQ(solver.estimates_error(), method.embedded());
  }
  EXPECT_TRUE(find_solver("leapfrog").leapfrog());
  EXPECT_ERROR(find_solver("verlet"), "'verlet'", "euler", "leapfrog");
}

TEST(Solver, CountsEvaluations) {
  EXPECT_EQ(evaluations(find_solver("euler"), 6), 6);
  EXPECT_EQ(evaluations(find_solver("rk4"), 3), 12);
  EXPECT_EQ(evaluations(find_solver("dormand-prince"), 3), 18);
  EXPECT_EQ(evaluations(find_solver("leapfrog"), 3), 4);
}

TEST(Solver, TheErrorEstimateIsOfTheLowerOrder) {
  EXPECT_EQ(find_solver("heun-euler").error_order(), 2);
  EXPECT_EQ(find_solver("fehlberg").error_order(), 5);
  EXPECT_EQ(find_solver("tsit5").error_order(), 5);
  EXPECT_EQ(find_solver("leapfrog").error_order(), 2);
}

TEST(Solver, StepsOfASizeFillTheTime) {
  EXPECT_EQ(steps_of_size(1, 0.25), 4);
  EXPECT_EQ(steps_of_size(1, 0.1), 10);
  EXPECT_EQ(steps_of_size(2.5, 2.5), 1);
  for (const double size : {0.3, 0.0, -0.25, 1.5, 1e-12, std::nan("")})
    EXPECT_ERROR(steps_of_size(1, size), "step-size is", "whole number", "--steps");
}

TEST(Solver, EvaluationTimesAreThoseOfItsStages) {
  EXPECT_EQ(evaluation_times(find_solver("euler"), 4, 2), (std::vector<double>{0, 0.5, 1, 1.5}));
  EXPECT_EQ(evaluation_times(find_solver("rk4"), 2, 2), (std::vector<double>{0, 0.5, 0.5, 1, 1, 1.5, 1.5, 2}));
  EXPECT_EQ(evaluation_times(find_solver("leapfrog"), 2, 1), (std::vector<double>{0, 0.25, 0.75}));
  for (const Solver& solver : solvers()) EXPECT_EQ(std::ssize(evaluation_times(solver, 3, 1)), evaluations(solver, 3));
}

}  // namespace
}  // namespace odenet::ode
