// Time and memory of a piece of work in this process.
#pragma once

#include <malloc.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <string>

#include "core/duration.h"
#include "nn/memory_pool.h"

namespace odenet::bench {

inline double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return seconds_since(start);
}

// "VmHWM" or "VmRSS" in bytes.
inline double memory(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == key + ":") {
      double kilobytes = 0;
      status >> kilobytes;
      return 1024 * kilobytes;
    }
  return 0;
}

// Bytes by which the process grows at most while `run` runs.
inline double peak_memory(const std::function<void()>& run) {
  nn::MemoryPool::trim();
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // begins the high-water mark anew
  const double before = memory("VmRSS");
  run();
  return memory("VmHWM") - before;
}

}  // namespace odenet::bench
