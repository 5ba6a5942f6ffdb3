// A loop over independent indices on several threads.
//
//   parallel_for(images, threads, [&](int image, int worker) { ... scratch[worker] ... });
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace odenet::fixed {

// `threads`, or the number of processors where it is 0.
inline int thread_count(int threads) {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Calls body(index, worker) for every index below `count`, worker below `threads`. The first exception is rethrown.
template <typename Body>
void parallel_for(int count, int threads, const Body& body) {
  std::atomic<int> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&](int worker) {
    try {
      for (int index = next++; index < count; index = next++) body(index, worker);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int worker = 1; worker < std::min(threads, count); ++worker) workers.emplace_back(work, worker);
    work(0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace odenet::fixed
