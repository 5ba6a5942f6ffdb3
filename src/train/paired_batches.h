// Batches of a labelled source, each with a batch of an unlabelled target beside it.
//
//   PairedBatches batches(make_batches(source, ...), make_batches(target, ...));
//   batches.start_epoch(0);
//   while (auto batch = batches.next()) step(*batch, rate);     // batch->target: images of the target
//
// An epoch is one of the source. The target goes round in its own time: its batch at a step follows from the number of
// steps since the training began alone, so that a training goes on exactly.
#pragma once

#include <memory>

#include "train/batches.h"

namespace odenet::train {

class PairedBatches : public Batches {
 public:
  PairedBatches(std::unique_ptr<Batches> source, std::unique_ptr<Batches> target);

  int64_t count() const override { return source_->count(); }
  void start_epoch(uint64_t epoch, int64_t first_batch = 0) override;
  std::optional<TensorBatch> next() override;

 private:
  std::unique_ptr<Batches> source_, target_;
  uint64_t target_epoch_ = 0;
};

}  // namespace odenet::train
