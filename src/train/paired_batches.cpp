#include "train/paired_batches.h"

namespace odenet::train {

PairedBatches::PairedBatches(std::unique_ptr<Batches> source, std::unique_ptr<Batches> target)
    : source_(std::move(source)), target_(std::move(target)) {}

void PairedBatches::start_epoch(uint64_t epoch, int64_t first_batch) {
  source_->start_epoch(epoch, first_batch);
  const uint64_t steps = epoch * static_cast<uint64_t>(source_->count()) + static_cast<uint64_t>(first_batch);
  const auto count = static_cast<uint64_t>(target_->count());
  target_epoch_ = steps / count;
  target_->start_epoch(target_epoch_, static_cast<int64_t>(steps % count));
}

std::optional<TensorBatch> PairedBatches::next() {
  auto batch = source_->next();
  if (!batch) return batch;
  auto target = target_->next();
  if (!target) {
    target_->start_epoch(++target_epoch_);
    target = target_->next();
  }
  batch->target = target->images;
  return batch;
}

}  // namespace odenet::train
