#include "train/paired_batches.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <vector>

namespace odenet::train {
namespace {

// Batches whose images are their number since the beginning.
class Counted : public Batches {
 public:
  explicit Counted(int64_t count) : count_(count) {}
  int64_t count() const override { return count_; }
  void start_epoch(uint64_t epoch, int64_t first_batch) override {
    first_ = static_cast<int64_t>(epoch) * count_;
    next_ = first_batch;
  }
  std::optional<TensorBatch> next() override {
    if (next_ >= count_) return std::nullopt;
    return TensorBatch{.images = torch::tensor({first_ + next_++}), .labels = torch::zeros({1}), .mixed_labels = {}};
  }

 private:
  int64_t count_, first_ = 0, next_ = 0;
};

using Pairs = std::vector<std::pair<int64_t, int64_t>>;

Pairs rest_of_epoch(Batches& batches) {
  Pairs pairs;
  while (const auto batch = batches.next())
    pairs.emplace_back(batch->images.item<int64_t>(), batch->target.item<int64_t>());
  return pairs;
}

PairedBatches make_pairs(int64_t source, int64_t target) {
  return {std::make_unique<Counted>(source), std::make_unique<Counted>(target)};
}

TEST(PairedBatches, TargetGoesRoundInItsOwnTime) {
  for (const int64_t target : {1, 2, 3, 5, 7}) {
    PairedBatches batches = make_pairs(3, target);
    EXPECT_EQ(batches.count(), 3);
    int64_t step = 0;
    for (uint64_t epoch = 0; epoch < 4; ++epoch) {
      batches.start_epoch(epoch);
      for (const auto& [of_source, of_target] : rest_of_epoch(batches)) {
        EXPECT_EQ(of_source, step);
        EXPECT_EQ(of_target, step) << "every batch of the target in turn, epoch after epoch";
        ++step;
      }
    }
    EXPECT_EQ(step, 12);
  }
}

TEST(PairedBatches, GoesOnAnywhere) {
  PairedBatches whole = make_pairs(4, 3), resumed = make_pairs(4, 3);
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    whole.start_epoch(epoch);
    const Pairs all = rest_of_epoch(whole);
    for (int64_t first = 0; first <= 4; ++first) {
      resumed.start_epoch(epoch, first);
      EXPECT_EQ(rest_of_epoch(resumed), Pairs(all.begin() + first, all.end())) << epoch << " " << first;
    }
  }
}

}  // namespace
}  // namespace odenet::train
