#include "fixed/parallel.h"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

namespace odenet::fixed {
namespace {

TEST(ThreadPool, CallsEveryIndexOnceInEveryLoop) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const int count : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> calls(static_cast<size_t>(count));
      pool.run(count, [&](int index, int worker) {
        EXPECT_LT(worker, threads);
        ++calls[static_cast<size_t>(index)];
      });
      for (const auto& call : calls) EXPECT_EQ(call, 1);
    }
  }
}

TEST(ThreadPool, RethrowsAndGoesOn) {
  ThreadPool pool(3);
  const auto fail = [](int index, int) {
    if (index == 7) throw std::runtime_error("seven");
  };
  EXPECT_THROW(pool.run(100, fail), std::runtime_error);
  std::atomic<int> sum = 0;
  pool.run(10, [&](int index, int) { sum += index; });
  EXPECT_EQ(sum, 45);
  EXPECT_THROW(parallel_for(100, 2, fail), std::runtime_error);
}

}  // namespace
}  // namespace odenet::fixed
