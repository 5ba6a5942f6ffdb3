// Batches made on the device, from a data set that stays there: for GPUs, which the CPU and the bus could not feed.
//
//   ResidentBatches batches(dataset, options, torch::kCUDA, torch::kBFloat16);   // copies the bytes of all images
//   batches.start_epoch(0);
//   while (auto batch = batches.next()) step(*batch, rate);
//
// The CPU draws which images come and how they are placed (data/batch_plan.h), a few numbers an image. Cropping,
// flipping, cutout, normalisation by table and mixup are tensor operations that round as data/loader.h does: in float32
// the images are the same bits. Device memory: a byte for each value of the data set.
#pragma once

#include "data/batch_plan.h"
#include "train/batches.h"

namespace odenet::train {

class ResidentBatches : public Batches {
 public:
  // `dataset` must outlive the batches. Errors: an option out of range, an empty data set.
  ResidentBatches(const data::Dataset& dataset, const data::LoaderOptions& options, torch::Device device,
                  torch::ScalarType type);

  int64_t count() const override { return static_cast<int64_t>(planner_.batches()); }
  void start_epoch(uint64_t epoch, int64_t first_batch = 0) override;
  std::optional<TensorBatch> next() override;

 private:
  struct Images {
    torch::Tensor pixels;  // [N, H, W, 3] float32
    torch::Tensor labels;  // [N] int64
  };
  Images make(const std::vector<data::PlacedImage>& images) const;

  const data::BatchPlanner planner_;
  const int64_t height_, width_;
  const torch::Device device_;
  const torch::ScalarType type_;
  torch::Tensor bytes_;   // [images * H * W, 3] uint8
  torch::Tensor labels_;  // [images] int64
  torch::Tensor table_;   // [257 * 3] float32: what a byte becomes in each channel; 256 stands for padding
  std::vector<uint32_t> order_;
  uint64_t epoch_ = 0;
  int64_t next_ = 0;  // batch
};

}  // namespace odenet::train
