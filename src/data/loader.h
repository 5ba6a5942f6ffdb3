// Batches of normalised, shuffled and augmented images, prepared by background threads ahead of their use.
//
//   Loader loader(dataset, {.batch = 128, .shuffle = true, .augment = true, .seed = 1, .normalization =
//   normalization}); loader.start_epoch(0); while (std::optional<Batch> batch = loader.next()) step(batch->pixels,
//   batch->labels);
//
// Order and augmentation follow from (seed, epoch) alone: any number of threads gives the same bytes, and an epoch can
// be repeated or started at after a resume. An exception of a thread comes out of next().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "data/dataset.h"

namespace odenet::data {

struct LoaderOptions {
  int batch = 128;
  bool shuffle = false;
  bool augment = false;  // random crop and flip, see data/augment.h
  uint64_t seed = 0;
  Normalization normalization{};
  int prefetch = 4;  // batches prepared ahead
  int threads = 1;
  bool drop_last = false;  // leave out a last batch that is not full
};

struct Batch {
  std::vector<float> pixels;    // [size, H, W, 3]
  std::vector<int64_t> labels;  // [size]
  size_t size = 0;
};

// Fisher-Yates permutation of 0 to size - 1 from (seed, epoch).
std::vector<uint32_t> shuffled_order(size_t size, uint64_t seed, uint64_t epoch);

class Loader {
 public:
  // `dataset` must outlive the loader. An Error if an option is out of range or the data set is empty.
  Loader(const Dataset& dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  size_t batches() const;  // of one epoch

  // Begins with the first batch of `epoch`, whatever is left of the one before.
  void start_epoch(uint64_t epoch);

  // The next batch; nothing at the end of the epoch and before the first start_epoch().
  std::optional<Batch> next();

 private:
  void work();
  Batch fill(const std::vector<uint32_t>& order, uint64_t epoch, size_t batch) const;

  const Dataset& dataset_;
  const LoaderOptions options_;
  const PixelTable table_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::shared_ptr<const std::vector<uint32_t>> order_;  // null: no epoch begun; its address tells epochs apart
  uint64_t epoch_ = 0;
  size_t next_to_fill_ = 0, next_to_give_ = 0;
  std::map<size_t, Batch> ready_;
  std::exception_ptr error_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace odenet::data
