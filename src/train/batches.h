// Batches as the network takes them: normalised, shuffled and augmented images on the device.
//
//   std::unique_ptr<Batches> batches = make_batches(dataset, options, device, torch::kBFloat16);
//   batches->start_epoch(0);
//   while (auto batch = batches->next()) step(*batch, rate);
//
// For the CPU, background threads prepare them (data/loader.h); a GPU makes them itself (train/resident_batches.h).
#pragma once

#include <torch/types.h>

#include <memory>
#include <optional>

#include "data/loader.h"

namespace odenet::train {

struct TensorBatch {
  torch::Tensor images;        // [N, 3, H, W], channels-last
  torch::Tensor labels;        // [N], int64
  torch::Tensor mixed_labels;  // [N], or undefined without mixup; see data::Batch
  double lambda = 1;
  torch::Tensor target = {};  // [M, 3, H, W], images of another domain, or undefined; see train/paired_batches.h

  int64_t size() const { return labels.size(0); }
};

class Batches {
 public:
  virtual ~Batches() = default;
  virtual int64_t count() const = 0;  // of one epoch
  virtual void start_epoch(uint64_t epoch, int64_t first_batch = 0) = 0;
  // Nothing at the end of the epoch. The tensors of the batch before are no longer valid.
  virtual std::optional<TensorBatch> next() = 0;
};

// `dataset` must outlive the batches. type: of the images.
std::unique_ptr<Batches> make_batches(const data::Dataset& dataset, const data::LoaderOptions& options,
                                      torch::Device device, torch::ScalarType type);

// The images of a loader's batch as a tensor of its memory, which must outlive it.
TensorBatch view_of(data::Batch& batch, int height, int width);

}  // namespace odenet::train
