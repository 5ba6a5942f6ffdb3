#include "fixed/parallel.h"

#include <algorithm>
#include <system_error>

#include "core/error.h"

namespace odenet::fixed {

int thread_count(int threads) {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  const int count = thread_count(threads);
  try {
    for (int worker = 1; worker < count; ++worker) threads_.emplace_back([this, worker] { wait_for_loops(worker); });
  } catch (const std::system_error& e) {
    const size_t begun = threads_.size() + 1;
    stop();
    throw Error("{} of {} threads could be started: {}; ask for fewer", begun, count, e.what());
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::work(int worker) {
  try {
    for (int index = next_++; index < count_; index = next_++) (*body_)(index, worker);
  } catch (...) {
    next_ = count_;
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

void ThreadPool::wait_for_loops(int worker) {
  for (uint64_t done = 0;; ++done) {
    {
      std::unique_lock lock(mutex_);
      started_.wait(lock, [&] { return stop_ || loops_ != done; });
      if (stop_) return;
    }
    work(worker);
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) finished_.notify_one();
  }
}

void ThreadPool::run(int count, const Body& body) {
  body_ = &body;
  count_ = count;
  next_ = 0;
  failure_ = nullptr;
  if (!threads_.empty() && count > 1) {
    {
      const std::lock_guard lock(mutex_);
      busy_ = static_cast<int>(threads_.size());
      ++loops_;
    }
    started_.notify_all();
    work(0);
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return busy_ == 0; });
  } else {
    work(0);
  }
  if (failure_) std::rethrow_exception(failure_);
}

void parallel_for(int count, int threads, const ThreadPool::Body& body) {
  ThreadPool(std::max(1, std::min(threads, count))).run(count, body);
}

}  // namespace odenet::fixed
