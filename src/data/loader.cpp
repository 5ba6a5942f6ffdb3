#include "data/loader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "data/random.h"

namespace odenet::data {

std::vector<uint32_t> shuffled_order(size_t size, uint64_t seed, uint64_t epoch) {
  constexpr uint64_t kStream = 0x6f726465;  // "orde": apart from the augmentation's draws of the same seed
  Random random({seed, kStream, epoch});
  std::vector<uint32_t> order(size);
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<uint32_t>(i))]);
  return order;
}

Loader::Loader(const Dataset& dataset, LoaderOptions options)
    : dataset_(dataset), options_(options), table_(pixel_table(options.normalization)) {
  if (options.batch < 1) throw Error("loader: batch size {}, expected at least 1", options.batch);
  if (options.prefetch < 1) throw Error("loader: {} batches of prefetching, expected at least 1", options.prefetch);
  if (options.threads < 1) throw Error("loader: {} threads, expected at least 1", options.threads);
  if (options.world_size < 1 || options.rank < 0 || options.rank >= options.world_size)
    throw Error("loader: rank {} of {}, expected 0 to one less than their number", options.rank, options.world_size);
  if (options.batch < options.world_size)
    throw Error("loader: a batch of {} images has none for some of the {} ranks", options.batch, options.world_size);
  validate(options.augment, dataset.height, dataset.width);
  if (dataset.channels != 3) throw Error("loader: images of {} channels, expected 3", dataset.channels);
  if (batches() == 0) throw Error("loader: {} images make no batch of {}", dataset.size(), options.batch);
  for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

size_t Loader::batches() const {
  const size_t batch = static_cast<size_t>(options_.batch);
  return options_.drop_last ? dataset_.size() / batch : (dataset_.size() + batch - 1) / batch;
}

void Loader::start_epoch(uint64_t epoch, size_t first_batch) {
  if (first_batch > batches())
    throw Error("loader: cannot start at batch {} of an epoch of {} batches", first_batch, batches());
  std::vector<uint32_t> order(dataset_.size());
  if (options_.shuffle)
    order = shuffled_order(dataset_.size(), options_.seed, epoch);
  else
    std::iota(order.begin(), order.end(), 0u);
  {
    const std::lock_guard lock(mutex_);
    order_ = std::make_shared<const std::vector<uint32_t>>(std::move(order));
    epoch_ = epoch;
    next_to_fill_ = next_to_give_ = first_batch;
    ready_.clear();
    error_ = nullptr;
  }
  changed_.notify_all();
}

std::optional<Batch> Loader::next() {
  std::unique_lock lock(mutex_);
  if (!order_ || next_to_give_ == batches()) return std::nullopt;
  changed_.wait(lock, [&] { return error_ || ready_.contains(next_to_give_); });
  if (error_) std::rethrow_exception(error_);
  Batch batch = std::move(ready_.extract(next_to_give_++).mapped());
  lock.unlock();
  changed_.notify_all();
  return batch;
}

void Loader::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] {
      return stop_ || (order_ && !error_ && next_to_fill_ < batches() &&
                       next_to_fill_ < next_to_give_ + static_cast<size_t>(options_.prefetch));
    });
    if (stop_) return;
    const size_t index = next_to_fill_++;
    const auto order = order_;
    const uint64_t epoch = epoch_;
    Batch batch;
    if (!spare_.empty()) {
      batch = std::move(spare_.back());
      spare_.pop_back();
    }
    lock.unlock();
    std::exception_ptr error;
    try {
      fill(*order, epoch, index, batch);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (order != order_) continue;  // another epoch began meanwhile
    if (error)
      error_ = error;
    else
      ready_.emplace(index, std::move(batch));
    changed_.notify_all();
  }
}

void Loader::recycle(Batch batch) {
  const std::lock_guard lock(mutex_);
  if (spare_.size() < static_cast<size_t>(options_.prefetch)) spare_.push_back(std::move(batch));
}

void Loader::fill(const std::vector<uint32_t>& order, uint64_t epoch, size_t index, Batch& batch) const {
  const size_t begin = index * static_cast<size_t>(options_.batch);
  const size_t total = std::min(static_cast<size_t>(options_.batch), order.size() - begin);
  const auto rank = static_cast<size_t>(options_.rank), ranks = static_cast<size_t>(options_.world_size);
  const size_t first = total * rank / ranks, last = total * (rank + 1) / ranks;
  const size_t image_size = dataset_.image_size();
  const Mixup mixup = random_mixup(options_.augment.mixup_alpha, options_.seed, epoch, index, total);
  batch.size = last - first;
  batch.pixels.resize(batch.size * image_size);
  batch.labels.clear();
  batch.mixed_labels.clear();
  batch.lambda = mixup.lambda;
  std::vector<float> partner(mixup.offset > 0 ? image_size : 0);
  for (size_t i = first; i < last; ++i) {
    const uint32_t image = order[begin + i];
    const auto output = std::span(batch.pixels).subspan((i - first) * image_size, image_size);
    place(image, epoch, output);
    batch.labels.push_back(dataset_.labels[image]);
    if (mixup.offset == 0) continue;
    const uint32_t other = order[begin + (i + mixup.offset) % total];
    place(other, epoch, partner);
    for (size_t p = 0; p < image_size; ++p) output[p] = mixup.lambda * output[p] + (1 - mixup.lambda) * partner[p];
    batch.mixed_labels.push_back(dataset_.labels[other]);
  }
}

void Loader::place(uint32_t image, uint64_t epoch, std::span<float> output) const {
  const Placement placement =
      random_placement(options_.augment, options_.seed, epoch, image, dataset_.height, dataset_.width);
  place_image(dataset_.image(image), dataset_.height, dataset_.width, table_, placement, output);
}

}  // namespace odenet::data
