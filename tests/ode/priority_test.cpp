#include "ode/priority.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/expect_error.h"

namespace odenet::ode {
namespace {

using Rows = std::vector<double>;

void expect(const PriorityRows::Judged& judged, double square, int64_t rows) {
  EXPECT_DOUBLE_EQ(judged.error, std::sqrt(square));
  EXPECT_EQ(judged.rows, rows);
}

TEST(Priority, WithoutAWindowEveryTrialIsWhole) {
  PriorityRows rows({});
  expect(rows.judge(Rows{5, 5, 5}), 15, 3);
  expect(rows.judge(Rows{5, 5, 5}), 15, 3);
}

TEST(Priority, LaterTrialsBeginWithTheRowsOfLargestErrorAndStopThere) {
  PriorityRows rows({.window = 2});
  expect(rows.judge(Rows{0, 1, 6, 5, 1, 0}), 13, 6);
  expect(rows.judge(Rows{0, 0, 1.5, 1, 0, 0}), 1.5, 1);
  expect(rows.judge(Rows{0, 0, 0.75, 0.5, 0, 0}), 1.25, 2);
}

TEST(Priority, RowsOutsideTheWindowCount) {
  PriorityRows rows({.window = 2});
  rows.judge(Rows{0, 1, 6, 5, 1, 0});
  expect(rows.judge(Rows{0.125, 0.5, 0.25, 0.25, 9, 9}), 1.125, 4);
  expect(rows.judge(Rows{0.125, 0.25, 0.25, 0.25, 0.25, 9}), 1.125, 5);
}

TEST(Priority, AnAcceptedTrialEndsTheEvaluationPoint) {
  PriorityRows rows({.window = 1});
  rows.judge(Rows{9, 0, 0});
  expect(rows.judge(Rows{0.25, 0.25, 0.25}), 0.75, 3);
  expect(rows.judge(Rows{0, 0, 9}), 9, 3);
  expect(rows.judge(Rows{0, 0, 2}), 2, 1);
}

TEST(Priority, DecisionsAreThoseOfTheWholeNormWhateverTheWindow) {
  for (int window = 1; window <= 6; ++window) {
    PriorityRows prioritised({.window = window});
    double saved = 0;
    for (int trial = 0; trial < 200; ++trial) {
      Rows squares;
      for (int row = 0; row < 6; ++row) squares.push_back(0.3 * (1 + std::sin(trial * 1.7 + row * row)));
      double sum = 0;
      for (const double square : squares) sum += square;
      const auto judged = prioritised.judge(squares);
      EXPECT_EQ(judged.error <= 1, sum <= 1) << window << ", " << trial;
      saved += static_cast<double>(6 - judged.rows);
    }
    EXPECT_GT(saved, 0) << window;
  }
}

TEST(Priority, TheWindowAloneMayDecide) {
  PriorityRows rows({.window = 2, .window_decides = true});
  rows.judge(Rows{0, 1, 6, 5, 1, 0});
  expect(rows.judge(Rows{9, 9, 0.25, 0.25, 9, 9}), 0.5, 6);
}

TEST(Priority, AfterATrialThatIsNotFiniteAllRowsDecide) {
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    PriorityRows rows({.window = 1, .window_decides = true});
    rows.judge(Rows{0.25, 0.25, 0.25});  // accepted: a window that is out of date
    EXPECT_FALSE(std::isfinite(rows.judge(Rows{value, value, value}).error));
    expect(rows.judge(Rows{0, 0, 9}), 9, 3);
    expect(rows.judge(Rows{0.25, 0.25, 0.25}), 0.75, 3);
  }
}

TEST(Priority, AWindowAboveTheHeightIsTheWholeMap) {
  PriorityRows rows({.window = 99});
  expect(rows.judge(Rows{3, 4}), 7, 2);
  expect(rows.judge(Rows{2, 4}), 2, 1);
  EXPECT_ERROR(PriorityRows({.window = -1}), "-1");
}

}  // namespace
}  // namespace odenet::ode
