#include "ode/step_controller.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/expect_error.h"

namespace odenet::ode {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string_view> adaptive_names() {
  std::vector<std::string_view> names;
  for (const ControllerRow& row : controllers())
    if (row.make != nullptr) names.push_back(row.name);
  return names;
}

class EveryController : public ::testing::TestWithParam<std::string_view> {};

TEST_P(EveryController, StartsWithTheFirstStepAndShrinksAfterRejections) {
  const auto controller = make_controller(find_controller(GetParam()), {.first_step = 0.25, .error_order = 3});
  EXPECT_EQ(controller->first(), 0.25);
  double step = controller->first();
  for (const double error : {1.0001, 50.0, 1e12, kNan, std::numeric_limits<double>::infinity()}) {
    const double next = controller->next(step, error);
    EXPECT_LT(next, step) << error;
    EXPECT_GT(next, 0) << error;
    step = next;
  }
  EXPECT_LE(controller->next(step, 0.9999), 0.25) << "a rejected step is not repeated at once";
}

TEST_P(EveryController, SettlesWhereTheErrorIsWithinTheTolerance) {
  if (GetParam() == "restart") GTEST_SKIP() << "begins every point with the first step";
  // A smooth equation: the error is (40 step)^3.
  const auto controller = make_controller(find_controller(GetParam()), {.first_step = 1, .error_order = 3});
  double step = controller->first();
  int accepts = 0, trials = 0;
  for (; accepts < 100; ++trials) {
    const double error = std::pow(40 * step, 3);
    accepts += accepted(error);
    step = controller->next(step, error);
  }
  EXPECT_LT(trials, 160);
  EXPECT_GT(step, 0.2 / 40);
  EXPECT_LT(step, 2.0 / 40);
}

TEST_P(EveryController, RefusesOptionsOutOfRange) {
  EXPECT_ERROR(make_controller(find_controller(GetParam()), {.first_step = 0}), "first step", "0");
  EXPECT_ERROR(make_controller(find_controller(GetParam()), {.first_step = kNan}), "first step", "nan");
  EXPECT_ERROR(make_controller(find_controller(GetParam()), {.error_order = 0}), "order");
  EXPECT_ERROR(make_controller(find_controller(GetParam()), {.accepts = 0}), "s_acc");
  EXPECT_ERROR(make_controller(find_controller(GetParam()), {.rejects = 0}), "s_rej");
}

INSTANTIATE_TEST_SUITE_P(Table, EveryController, ::testing::ValuesIn(adaptive_names()));

TEST(StepController, UnknownNamesListWhatThereIsAndFixedHasNone) {
  EXPECT_ERROR(make_controller(find_controller("p"), {}), "'p'", "fixed", "slope");
  EXPECT_ERROR(make_controller(find_controller("fixed"), {}), "fixed");
}

TEST(StepController, IntegralAimsAtTheToleranceByTheOrderOfTheError) {
  const auto controller = make_controller(find_controller("i"), {.first_step = 1, .error_order = 3});
  EXPECT_DOUBLE_EQ(controller->next(1, 1. / 8), 2 * 0.9);
  EXPECT_DOUBLE_EQ(controller->next(1, 8), 0.5 * 0.9);
  EXPECT_DOUBLE_EQ(controller->next(1, 1. / 8), 1) << "no growth right after a rejection";
  EXPECT_DOUBLE_EQ(controller->next(1, 0), 10) << "growth is limited";
}

TEST(StepController, ProportionalAndDerivativePartsKnowTheErrorsBefore) {
  const auto pi = make_controller(find_controller("pi"), {.first_step = 1, .error_order = 1});
  const auto pid = make_controller(find_controller("pid"), {.first_step = 1, .error_order = 1});
  const auto factor = [](double e, double b1, double before, double b2, double long_before, double b3) {
    return 0.9 * std::pow(e, -b1) * std::pow(before, -b2) * std::pow(long_before, -b3);
  };
  EXPECT_DOUBLE_EQ(pi->next(1, 0.5), factor(0.5, 0.7, 1, -0.4, 1, 0));
  EXPECT_DOUBLE_EQ(pi->next(1, 0.8), factor(0.8, 0.7, 0.5, -0.4, 1, 0));
  pid->next(1, 0.5);
  pid->next(1, 0.8);
  EXPECT_DOUBLE_EQ(pid->next(1, 0.4), factor(0.4, 1. / 18, 0.8, 2. / 18, 0.5, 1. / 18));
}

TEST(StepController, SearchStartsEveryPointAnewUnlessWarm) {
  const auto restart = make_controller(find_controller("search"), {.first_step = 1, .warm_start = false});
  EXPECT_EQ(restart->next(1, 3), 0.5);
  EXPECT_EQ(restart->next(0.5, 2), 0.25);
  EXPECT_EQ(restart->next(0.25, 0.5), 1);
  const auto same = make_controller(find_controller("restart"), {.first_step = 1});
  for (const double error : {2.0, 0.5, 3.0, 1.5, 0.1}) EXPECT_EQ(same->next(0.25, error), restart->next(0.25, error));
  EXPECT_EQ(same->next(0.25, 0.5), 1);
  const auto warm = make_controller(find_controller("search"), {.first_step = 1});
  EXPECT_EQ(warm->next(1, 3), 0.5);
  EXPECT_EQ(warm->next(0.5, 0.5), 0.5);
}

TEST(SlopeAdaptiveSearch, ItsFactorsAreOnTheirSideOfOneForEveryCount) {
  for (int count = 1; count < 500; ++count) {
    EXPECT_GT(slope_increase(count), 1);
    EXPECT_LE(slope_increase(count), 2);
    EXPECT_GE(slope_increase(count + 1), slope_increase(count));
    EXPECT_GT(slope_decrease(count), 0);
    EXPECT_LT(slope_decrease(count), 0.5);
    EXPECT_LT(slope_decrease(count + 1), slope_decrease(count));
  }
  EXPECT_EQ(slope_increase(0), 1);
}

TEST(SlopeAdaptiveSearch, GrowsFromTheThresholdOnAndForgetsAtARejection) {
  const auto slope = make_controller(find_controller("slope"), {.first_step = 1, .accepts = 3, .rejects = 3});
  EXPECT_EQ(slope->next(1, 0.1), 1);
  EXPECT_EQ(slope->next(1, 0.1), 1);
  EXPECT_EQ(slope->next(1, 0.1), slope_increase(3));
  EXPECT_EQ(slope->next(1, 0.1), slope_increase(4));
  EXPECT_EQ(slope->next(1, 2), 0.5);
  EXPECT_EQ(slope->next(0.5, 0.1), 0.5) << "accepted, but not at first: the count is 0";
  EXPECT_EQ(slope->next(0.5, 0.1), 0.5);
}

TEST(SlopeAdaptiveSearch, ShrinksFasterFromTheThresholdOn) {
  const auto slope = make_controller(find_controller("slope"), {.first_step = 1, .accepts = 1, .rejects = 2});
  EXPECT_EQ(slope->next(1, 2), 0.5);
  EXPECT_EQ(slope->next(0.5, 2), 0.5 * 0.5) << "the same evaluation point counts once";
  EXPECT_EQ(slope->next(0.25, 0.5), 0.25);
  EXPECT_EQ(slope->next(0.25, 2), 0.25 * slope_decrease(2));
  EXPECT_EQ(slope->next(0.01, 2), 0.01 * slope_decrease(2));
  EXPECT_EQ(slope->next(0.001, 0.5), 0.001);
  EXPECT_EQ(slope->next(0.001, 0.5), 0.001 * slope_increase(1));
}

TEST(SlopeAdaptiveSearch, CanStartEveryPointFromTheConstant) {
  const auto slope = make_controller(find_controller("slope"), {.first_step = 1, .warm_start = false, .accepts = 2});
  EXPECT_EQ(slope->next(1, 2), 0.5);
  EXPECT_EQ(slope->next(0.5, 0.1), 1);
  EXPECT_EQ(slope->next(1, 0.1), 1);
  EXPECT_EQ(slope->next(1, 0.1), slope_increase(2));
}

}  // namespace
}  // namespace odenet::ode
