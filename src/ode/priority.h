// Priority processing and early stop (eNODE, section VII-B): a trial's error is summed row by row, rows of large error
// first, and the trial ends as soon as the sum exceeds the tolerance. No LibTorch.
//
//   PriorityRows priority({.window = 8});
//   const auto judged = priority.judge(squares);   // of each trial; squares[r]: what row r adds to the squared error
//   judged.error, judged.rows                      // in tolerances; rows that had to be computed
//
// The first trial of an evaluation point is computed whole, and finds the window: the consecutive rows with the largest
// error, or all of them where the error is not finite. Later trials at that point begin with it.
#pragma once

#include <cstdint>
#include <span>

namespace odenet::ode {

struct PriorityOptions {
  int window = 0;  // its height in rows; 0: no priority, every trial is computed whole
  // false: all rows count, so that steps are the same as without priority, and only work is saved.
  // true: a later trial that passes within the window is accepted without the errors of the other rows. It takes this
  // for the window's height to change the number of trials and the accuracy, as the paper reports.
  bool window_decides = false;
};

class PriorityRows {
 public:
  explicit PriorityRows(PriorityOptions options);

  struct Judged {
    double error;  // a lower bound where the trial was stopped
    int64_t rows;
  };
  Judged judge(std::span<const double> squares);

 private:
  Judged whole(std::span<const double> squares);
  Judged prioritised(std::span<const double> squares) const;

  PriorityOptions options_;
  bool first_trial_ = true;
  size_t begin_ = 0, end_ = 0;  // the window
};

}  // namespace odenet::ode
