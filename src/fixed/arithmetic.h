// The number contract between C++ and RTL, in exact integer arithmetic. A format is (width, fraction): Q20 is (32, 20).
#pragma once

#include <cstdint>

namespace odenet::fixed {

struct Format {
  int width = 32, fraction = 20;
  bool operator==(const Format&) const = default;
};

}  // namespace odenet::fixed
