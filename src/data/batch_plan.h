// Which images make up each batch of an epoch, and where each is placed: everything random about a batch, as a function
// of (seed, epoch, batch) alone. data/loader.h carries the plans out on the CPU, train/resident_batches.h on a GPU.
//
//   const BatchPlanner planner(dataset, {.batch = 128, .shuffle = true, .augment = {.crop_padding = 4}});
//   const std::vector<uint32_t> order = planner.order(epoch);
//   const BatchPlan plan = planner.plan(order, epoch, 0);
//   plan.images[0];   // {image 31, shifted, flipped ...}
//
// Data-parallel training: rank r of w gets images [n r / w, n (r + 1) / w) of each batch of n, so that the union over
// the ranks is the batch that a single process gets, in the same order, bit by bit, mixup included. If w divides n, all
// parts are equal; in a last batch that is not full they differ by up to one image, and may be empty.
#pragma once

#include <cstdint>
#include <vector>

#include "data/augment.h"
#include "data/dataset.h"

namespace odenet::data {

struct LoaderOptions {
  int batch = 128;  // images over all ranks
  bool shuffle = false;
  Augmentation augment{};
  uint64_t seed = 0;
  Normalization normalization{};
  int prefetch = 4;  // batches prepared ahead
  int threads = 1;
  bool drop_last = false;  // leave out a last batch that is not full
  int rank = 0, world_size = 1;
};

struct PlacedImage {
  uint32_t image = 0;  // of the data set
  Placement placement{};

  bool operator==(const PlacedImage&) const = default;
};

// A rank's share of a batch.
struct BatchPlan {
  std::vector<PlacedImage> images;
  // With mixup, image i becomes lambda * images[i] + (1 - lambda) * partners[i]; otherwise there are none.
  std::vector<PlacedImage> partners;
  float lambda = 1;
};

class BatchPlanner {
 public:
  // `dataset` must outlive the planner. An Error if an option is out of range or the data set is empty.
  BatchPlanner(const Dataset& dataset, const LoaderOptions& options);

  size_t batches() const;  // of one epoch

  // The images of an epoch: shuffled by (seed, epoch), or in the data set's order.
  std::vector<uint32_t> order(uint64_t epoch) const;

  // order: that of `epoch`; batch: below batches().
  BatchPlan plan(const std::vector<uint32_t>& order, uint64_t epoch, size_t batch) const;

 private:
  const Dataset& dataset_;
  const LoaderOptions options_;
};

}  // namespace odenet::data
