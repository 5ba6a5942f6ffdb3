#include "train/batches.h"

#include <torch/torch.h>

#include "nn/float_backend.h"
#include "train/resident_batches.h"

namespace odenet::train {

namespace {

class LoadedBatches : public Batches {
 public:
  LoadedBatches(const data::Dataset& dataset, const data::LoaderOptions& options, torch::ScalarType type)
      : loader_(dataset, options), height_(dataset.height), width_(dataset.width), type_(type) {}

  int64_t count() const override { return static_cast<int64_t>(loader_.batches()); }

  void start_epoch(uint64_t epoch, int64_t first_batch) override {
    loader_.start_epoch(epoch, static_cast<size_t>(first_batch));
  }

  std::optional<TensorBatch> next() override {
    if (current_) loader_.recycle(std::move(*current_));
    current_ = loader_.next();
    if (!current_) return std::nullopt;
    TensorBatch batch = view_of(*current_, height_, width_);
    batch.images = batch.images.to(type_);
    return batch;
  }

 private:
  data::Loader loader_;
  int height_, width_;
  torch::ScalarType type_;
  std::optional<data::Batch> current_;
};

}  // namespace

TensorBatch view_of(data::Batch& batch, int height, int width) {
  const auto n = static_cast<int64_t>(batch.size);
  const auto labels = [n](std::vector<int64_t>& values) { return torch::from_blob(values.data(), {n}, torch::kInt64); };
  return {.images = nn::channels_last(batch.pixels, n, height, width),
          .labels = labels(batch.labels),
          .mixed_labels = batch.mixed_labels.empty() ? torch::Tensor() : labels(batch.mixed_labels),
          .lambda = batch.lambda};
}

std::unique_ptr<Batches> make_batches(const data::Dataset& dataset, const data::LoaderOptions& options,
                                      torch::Device device, torch::ScalarType type) {
  if (!device.is_cpu()) return std::make_unique<ResidentBatches>(dataset, options, device, type);
  return std::make_unique<LoadedBatches>(dataset, options, type);
}

}  // namespace odenet::train
