#include "nn/memory_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <cstdint>
#include <fstream>
#include <thread>
#include <vector>

namespace odenet::nn {
namespace {

constexpr int64_t kPooled = 64 * 1024;  // bytes of the smallest tensor that the pool keeps

torch::Tensor bytes(int64_t size) { return torch::empty({size}, torch::kUInt8); }

// install() cannot be undone: tests that run in this process afterwards use the pool too, which is harmless.
class MemoryPoolTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    small_ = torch::ones({10});
    large_ = torch::ones({kPooled});
    MemoryPool::install();
  }
  MemoryPoolTest() {
    MemoryPool::trim();
    held_before_ = MemoryPool::held();
  }

  static torch::Tensor small_, large_;  // made before install()
  size_t held_before_ = 0;
};
torch::Tensor MemoryPoolTest::small_, MemoryPoolTest::large_;

TEST_F(MemoryPoolTest, TensorsFromBeforeAreFreed) {
  EXPECT_EQ(small_.sum().item<float>(), 10);
  EXPECT_EQ(large_.sum().item<float>(), kPooled);
  small_.reset();
  large_.reset();
  EXPECT_EQ(MemoryPool::held(), held_before_) << "their memory is not the pool's";
}

TEST_F(MemoryPoolTest, HoldsNoMoreAfterTheFirstOfEqualSteps) {
  size_t first = 0;
  for (int step = 0; step < 5; ++step) {
    { const auto a = bytes(3 * kPooled), b = bytes(3 * kPooled), c = bytes(40 * kPooled); }
    if (step == 0) first = MemoryPool::held();
    EXPECT_EQ(MemoryPool::held(), first);
  }
  EXPECT_GE(first, held_before_ + 46 * kPooled);
}

TEST_F(MemoryPoolTest, FreedBlockServesANearlyEqualRequestButNotAMuchSmallerOne) {
  void* block = bytes(100 * kPooled).data_ptr();
  EXPECT_EQ(bytes(99 * kPooled).data_ptr(), block);
  EXPECT_NE(bytes(10 * kPooled).data_ptr(), block);
}

TEST_F(MemoryPoolTest, TrimFreesWhatNoTensorUses) {
  const auto used = bytes(2 * kPooled).fill_(7);
  const size_t held = MemoryPool::held();
  bytes(50 * kPooled);
  EXPECT_GT(MemoryPool::held(), held);
  MemoryPool::trim();
  EXPECT_EQ(MemoryPool::held(), held);
  EXPECT_TRUE(used.eq(7).all().item<bool>());
}

TEST_F(MemoryPoolTest, OtherSizesAfterALongTimeReplaceTheUnused) {
  const auto epoch = [](int64_t unit) {
    for (int step = 0; step < 2500; ++step) const auto a = bytes(30 * unit), b = bytes(50 * unit);
    return MemoryPool::held();
  };
  const auto used = bytes(2 * kPooled).fill_(7);
  const size_t training = epoch(kPooled), test = epoch(kPooled / 2);
  EXPECT_LT(test, held_before_ + 2 * training / 3);
  EXPECT_LT(epoch(kPooled), training + static_cast<size_t>(kPooled) * 2) << "but for where blocks begin";
  EXPECT_TRUE(used.eq(7).all().item<bool>());
}

TEST_F(MemoryPoolTest, MoreOfAKnownSizeFreesNothing) {
  bytes(50 * kPooled);
  for (int step = 0; step < 2500; ++step) bytes(30 * kPooled);
  const size_t before = MemoryPool::held();
  const auto a = bytes(30 * kPooled), b = bytes(30 * kPooled);
  EXPECT_GE(MemoryPool::held(), before + 30 * kPooled);
}

TEST_F(MemoryPoolTest, FreesTheUnusedBeforeItFails) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "needs a limit of addresses, of which this sanitizer takes terabytes";
#endif
  constexpr int64_t kLarge = int64_t{1} << 30;
  bytes(kLarge);
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before{};
  ::getrlimit(RLIMIT_AS, &before);
  const rlimit tight{.rlim_cur = pages * 4096 + kLarge / 2, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_AS, &tight);
  EXPECT_NO_THROW(bytes(kLarge / 4 * 5));
  ::setrlimit(RLIMIT_AS, &before);
}

TEST_F(MemoryPoolTest, EverySizeIsAlignedAndApart) {
  std::vector<torch::Tensor> tensors;
  for (const int64_t around :
       {int64_t{64}, kPooled, 2 * kPooled, 17 * kPooled / 16, int64_t{2} << 20, int64_t{3} << 20})
    for (const int64_t size : {around - 1, around, around + 1}) tensors.push_back(bytes(size));
  for (const int64_t size : {0, 1}) tensors.push_back(bytes(size));
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensors[i].data_ptr()) % 64, 0u) << tensors[i].numel() << " bytes";
    tensors[i].fill_(static_cast<int64_t>(i));
  }
  for (size_t i = 0; i < tensors.size(); ++i)
    EXPECT_TRUE(tensors[i].eq(static_cast<int64_t>(i)).all().item<bool>()) << tensors[i].numel() << " bytes";
}

TEST_F(MemoryPoolTest, ThreadsAllocateAndFreeAtOnce) {
  constexpr int kThreads = 4, kRounds = 200;
  std::vector<int> intact(kThreads, 0);
  std::vector<torch::Tensor> passed_on(kThreads);  // freed by another thread than made them
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int round = 0; round < kRounds; ++round) {
          const auto a = bytes(kPooled + round % 3 * kPooled).fill_(t), b = bytes(kPooled).fill_(t + 100);
          intact[static_cast<size_t>(t)] += a.eq(t).all().item<bool>() && b.eq(t + 100).all().item<bool>();
          passed_on[static_cast<size_t>(t)] = a;
        }
      });
  }
  passed_on.clear();
  for (const int rounds : intact) EXPECT_EQ(rounds, kRounds);
  MemoryPool::trim();
  EXPECT_EQ(MemoryPool::held(), held_before_);
}

}  // namespace
}  // namespace odenet::nn
