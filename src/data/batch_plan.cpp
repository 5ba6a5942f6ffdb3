#include "data/batch_plan.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "data/random.h"

namespace odenet::data {

namespace {

// Fisher-Yates permutation of 0 to size - 1.
std::vector<uint32_t> shuffled_order(size_t size, uint64_t seed, uint64_t epoch) {
  constexpr uint64_t kStream = 0x6f726465;  // "orde": apart from the augmentation's draws of the same seed
  Random random({seed, kStream, epoch});
  std::vector<uint32_t> order(size);
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<uint32_t>(i))]);
  return order;
}

}  // namespace

BatchPlanner::BatchPlanner(const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset), options_(options) {
  if (options.batch < 1) throw Error("loader: batch size {}, expected at least 1", options.batch);
  if (options.world_size < 1 || options.rank < 0 || options.rank >= options.world_size)
    throw Error("loader: rank {} of {}, expected 0 to one less than their number", options.rank, options.world_size);
  if (options.batch < options.world_size)
    throw Error("loader: a batch of {} images has none for some of the {} ranks", options.batch, options.world_size);
  validate(options.augment, dataset.height, dataset.width);
  if (dataset.channels != 3) throw Error("loader: images of {} channels, expected 3", dataset.channels);
  if (batches() == 0) throw Error("loader: {} images make no batch of {}", dataset.size(), options.batch);
}

size_t BatchPlanner::batches() const {
  const auto batch = static_cast<size_t>(options_.batch);
  return options_.drop_last ? dataset_.size() / batch : (dataset_.size() + batch - 1) / batch;
}

std::vector<uint32_t> BatchPlanner::order(uint64_t epoch) const {
  if (options_.shuffle) return shuffled_order(dataset_.size(), options_.seed, epoch);
  std::vector<uint32_t> order(dataset_.size());
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

BatchPlan BatchPlanner::plan(const std::vector<uint32_t>& order, uint64_t epoch, size_t batch) const {
  const size_t begin = batch * static_cast<size_t>(options_.batch);
  const size_t total = std::min(static_cast<size_t>(options_.batch), order.size() - begin);
  const auto rank = static_cast<size_t>(options_.rank), ranks = static_cast<size_t>(options_.world_size);
  const Mixup mixup = random_mixup(options_.augment.mixup_alpha, options_.seed, epoch, batch, total);
  const auto placed = [&](size_t i) {
    const uint32_t image = order[begin + i];
    return PlacedImage{
        image, random_placement(options_.augment, options_.seed, epoch, image, dataset_.height, dataset_.width)};
  };
  BatchPlan plan{.images = {}, .partners = {}, .lambda = mixup.lambda};
  for (size_t i = total * rank / ranks; i < total * (rank + 1) / ranks; ++i) {
    plan.images.push_back(placed(i));
    if (mixup.offset > 0) plan.partners.push_back(placed((i + mixup.offset) % total));
  }
  return plan;
}

}  // namespace odenet::data
