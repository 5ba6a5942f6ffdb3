// Batches of normalised, shuffled and augmented images, prepared by background threads ahead of their use.
//
//   const DatasetInfo& info = find_dataset("cifar10");
//   Loader loader(dataset, {.shuffle = true, .augment = info.augmentation, .normalization = info.normalization});
//   loader.start_epoch(0);
//   while (std::optional<Batch> batch = loader.next()) {
//     step(batch->pixels, batch->labels);
//     loader.recycle(std::move(*batch));   // optional: its memory serves again
//   }
//
// Order and augmentation follow from (seed, epoch) alone: any number of threads gives the same bytes, and after a
// resume an epoch goes on at any of its batches. An exception of a thread comes out of next().
// Each rank of a data-parallel training gets its share of every batch (data/batch_plan.h).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "data/batch_plan.h"

namespace odenet::data {

struct Batch {
  std::vector<float> pixels;    // [size, H, W, 3]
  std::vector<int64_t> labels;  // [size]
  size_t size = 0;
  // With mixup the loss is lambda * loss(labels) + (1 - lambda) * loss(mixed_labels); pixels are mixed already.
  std::vector<int64_t> mixed_labels;  // [size]; empty without mixup
  float lambda = 1;
};

class Loader {
 public:
  // `dataset` must outlive the loader. An Error if an option is out of range or the data set is empty.
  Loader(const Dataset& dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  size_t batches() const { return planner_.batches(); }  // of one epoch

  // Begins with batch `first_batch` of `epoch`, whatever is left of the one before. An Error if there is no such batch;
  // batches() itself is the end of the epoch.
  void start_epoch(uint64_t epoch, size_t first_batch = 0);

  // The next batch; nothing at the end of the epoch and before the first start_epoch().
  std::optional<Batch> next();

  // Takes back a batch that is no longer needed, for its memory.
  void recycle(Batch batch);

 private:
  void work();
  void fill(const std::vector<uint32_t>& order, uint64_t epoch, size_t index, Batch& batch) const;
  void place(const PlacedImage& image, std::span<float> output) const;

  const Dataset& dataset_;
  const BatchPlanner planner_;
  const size_t prefetch_;
  const PixelTable table_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::shared_ptr<const std::vector<uint32_t>> order_;  // null: no epoch begun; its address tells epochs apart
  uint64_t epoch_ = 0;
  size_t next_to_fill_ = 0, next_to_give_ = 0;
  std::map<size_t, Batch> ready_;
  std::vector<Batch> spare_;
  std::exception_ptr error_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace odenet::data
