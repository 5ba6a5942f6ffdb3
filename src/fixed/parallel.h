// Loops over independent indices on several threads.
//
//   ThreadPool pool(threads);                                   // threads 0: one a processor
//   pool.run(images, [&](int image, int worker) { ... scratch[worker] ... });
//   parallel_for(images, threads, body);                        // the same with threads for this loop alone
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace odenet::fixed {

// `threads`, or the number of processors where it is 0.
int thread_count(int threads);

// Threads that wait for work. One loop at a time; a body must not start another one on its own pool.
class ThreadPool {
 public:
  using Body = std::function<void(int index, int worker)>;

  explicit ThreadPool(int threads);  // Error if the system gives fewer
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }  // the caller works, too

  // Calls body(index, worker) for every index below `count`, worker below size(). The first exception is rethrown.
  void run(int count, const Body& body);

 private:
  void stop();            // ends and joins the threads
  void work(int worker);  // on the loop at hand
  void wait_for_loops(int worker);

  std::mutex mutex_;
  std::condition_variable started_, finished_;
  uint64_t loops_ = 0;  // begun so far
  int busy_ = 0;        // threads that have not finished the last one
  bool stop_ = false;
  const Body* body_ = nullptr;
  int count_ = 0;
  std::atomic<int> next_ = 0;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

void parallel_for(int count, int threads, const ThreadPool::Body& body);

}  // namespace odenet::fixed
