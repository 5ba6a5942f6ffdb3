// The median; of an even number of values the upper one of the two in the middle. `values` must not be empty.
#pragma once

#include <algorithm>
#include <vector>

namespace odenet {

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace odenet
