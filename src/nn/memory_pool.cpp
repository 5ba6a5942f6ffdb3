#include "nn/memory_pool.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <torch/version.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <unordered_map>
#include <utility>

namespace odenet::nn {

namespace {

constexpr size_t kSmallest = 64 * 1024;  // smaller tensors come from the C library
constexpr size_t kPage = 4096, kHugePage = 2 * 1024 * 1024;
// Requests in a row that blocks sufficed for, a few steps' worth: a new size after them belongs to other work.
constexpr size_t kSettled = 1024;
// Blocks begin at different places of a page, or the tensors of one loop would compete for the same cache sets.
constexpr size_t kStagger = 4096 + 64, kStaggers = 16;

// To 1/16 of the size, so that nearly equal requests share blocks.
size_t rounded(size_t bytes) {
  size_t step = kSmallest / 16;
  while (step * 32 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

class Pool : public at::Allocator {
 public:
  // Never destroyed: tensors may outlive every static object.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

#if TORCH_VERSION_MAJOR >= 2
  at::DataPtr allocate(size_t bytes) override { return make(bytes); }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
#else
  at::DataPtr allocate(size_t bytes) const override { return make(bytes); }
#endif
  at::DeleterFnPtr raw_deleter() const override { return give_back; }

  void enable(bool on) { enabled_ = on; }

  void trim() {
    const std::lock_guard lock(mutex_);
    free_unused();
  }

  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  struct Block {
    void* base;
    size_t bytes, reserved;
  };

  void free_unused() {
    for (auto& [bytes, memory] : free_) {
      const auto block = blocks_.find(memory);
      held_ -= block->second.reserved;
      std::free(block->second.base);
      blocks_.erase(block);
    }
    free_.clear();
  }

  static at::DataPtr make(size_t bytes) {
    const bool plain = bytes < kSmallest || !instance().enabled_;
    void* memory = plain ? std::aligned_alloc(64, (bytes + 63) / 64 * 64) : instance().take(bytes);
    if (!memory && bytes > 0) throw std::bad_alloc();
    return {memory, memory, give_back, at::Device(at::kCPU)};
  }

  static void give_back(void* memory) {
    if (!instance().keep(memory)) std::free(memory);
  }

  void* take(size_t bytes) {
    bytes = rounded(bytes);
    const std::lock_guard lock(mutex_);
    const bool other = sizes_.insert(bytes).second;
    const auto fit = free_.lower_bound(bytes);
    if (fit != free_.end() && fit->first <= bytes + bytes / 8) {
      void* memory = fit->second;
      free_.erase(fit);
      ++sufficed_;
      return memory;
    }
    if (std::exchange(sufficed_, 0) >= kSettled && other) {
      free_unused();
      sizes_ = {bytes};
    }
    const size_t offset = count_++ % kStaggers * kStagger;
    const size_t reserved = (bytes + offset + kPage - 1) / kPage * kPage;  // the rest of a huge page would be waste
    void* base = std::aligned_alloc(kHugePage, reserved);
    if (!base) {
      free_unused();
      base = std::aligned_alloc(kHugePage, reserved);
    }
    if (!base) return nullptr;
    ::madvise(base, reserved, MADV_HUGEPAGE);  // a hint; ordinary pages serve as well
    held_ += reserved;
    void* memory = static_cast<std::byte*>(base) + offset;
    blocks_[memory] = {base, bytes, reserved};
    return memory;
  }

  // False if `memory` is not of the pool.
  bool keep(void* memory) {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(memory);
    if (block == blocks_.end()) return false;
    free_.emplace(block->second.bytes, memory);
    return true;
  }

  std::atomic<bool> enabled_ = true;
  std::mutex mutex_;
  std::unordered_map<void*, Block> blocks_;
  std::multimap<size_t, void*> free_;  // by size
  std::set<size_t> sizes_;             // asked for since blocks were freed
  size_t count_ = 0, held_ = 0;
  size_t sufficed_ = 0;  // requests since the last new block
};

}  // namespace

void MemoryPool::install() { c10::SetCPUAllocator(&Pool::instance(), /*priority=*/255); }

void MemoryPool::enable(bool on) { Pool::instance().enable(on); }

void MemoryPool::trim() { Pool::instance().trim(); }

size_t MemoryPool::held() { return Pool::instance().held(); }

}  // namespace odenet::nn
