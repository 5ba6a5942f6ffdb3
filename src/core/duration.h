// A duration for people: "1:02:03" or "2:03", rounded to seconds.
#pragma once

#include <chrono>
#include <string>

namespace odenet {

std::string duration(double seconds);

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace odenet
