#include "ode/priority.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "ode/step_controller.h"

namespace odenet::ode {

PriorityRows::PriorityRows(PriorityOptions options) : options_(options) {
  if (options.window < 0) throw Error("priority window is {} rows, expected 0 (none) or more", options.window);
}

PriorityRows::Judged PriorityRows::judge(std::span<const double> squares) {
  const Judged judged = first_trial_ || options_.window == 0 ? whole(squares) : prioritised(squares);
  first_trial_ = accepted(judged.error);
  return judged;
}

PriorityRows::Judged PriorityRows::whole(std::span<const double> squares) {
  const size_t height = std::min(static_cast<size_t>(options_.window), squares.size());
  const auto sum = [&](size_t begin, size_t end) {
    return std::accumulate(squares.begin() + static_cast<ptrdiff_t>(begin),
                           squares.begin() + static_cast<ptrdiff_t>(end), 0.0);
  };
  double largest = -1;
  for (size_t begin = 0; begin + height <= squares.size(); ++begin)
    if (const double inside = sum(begin, begin + height); inside > largest) {
      largest = inside;
      begin_ = begin;
      end_ = begin + height;
    }
  const double total = sum(0, squares.size());
  if (!std::isfinite(total)) {  // of no use to find rows by
    begin_ = 0;
    end_ = squares.size();
  }
  return {std::sqrt(total), std::ssize(squares)};
}

PriorityRows::Judged PriorityRows::prioritised(std::span<const double> squares) const {
  double sum = 0;
  int64_t rows = 0;
  // False once the tolerance is exceeded.
  const auto add = [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end && accepted(sum); ++row, ++rows) sum += squares[row];
    return accepted(sum);
  };
  if (!add(begin_, end_)) return {std::sqrt(sum), rows};
  if (options_.window_decides) return {std::sqrt(sum), std::ssize(squares)};
  if (add(0, begin_)) add(end_, squares.size());
  return {std::sqrt(sum), rows};
}

}  // namespace odenet::ode
