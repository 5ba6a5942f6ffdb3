#include "data/loader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "data/augment.h"
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

void Loader::start_epoch(uint64_t epoch) {
  std::vector<uint32_t> order(dataset_.size());
  if (options_.shuffle)
    order = shuffled_order(dataset_.size(), options_.seed, epoch);
  else
    std::iota(order.begin(), order.end(), 0u);
  {
    const std::lock_guard lock(mutex_);
    order_ = std::make_shared<const std::vector<uint32_t>>(std::move(order));
    epoch_ = epoch;
    next_to_fill_ = next_to_give_ = 0;
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
    lock.unlock();
    Batch batch;
    std::exception_ptr error;
    try {
      batch = fill(*order, epoch, index);
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

Batch Loader::fill(const std::vector<uint32_t>& order, uint64_t epoch, size_t index) const {
  const size_t begin = index * static_cast<size_t>(options_.batch);
  Batch batch;
  batch.size = std::min(static_cast<size_t>(options_.batch), order.size() - begin);
  batch.pixels.resize(batch.size * dataset_.image_size());
  for (size_t i = 0; i < batch.size; ++i) {
    const uint32_t image = order[begin + i];
    const Placement placement = options_.augment ? random_placement(options_.seed, epoch, image) : Placement{};
    place_image(dataset_.image(image), dataset_.height, dataset_.width, table_, placement,
                std::span(batch.pixels).subspan(i * dataset_.image_size(), dataset_.image_size()));
    batch.labels.push_back(dataset_.labels[image]);
  }
  return batch;
}

}  // namespace odenet::data
