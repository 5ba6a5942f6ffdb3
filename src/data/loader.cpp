#include "data/loader.h"

#include <utility>

#include "core/error.h"

namespace odenet::data {

Loader::Loader(const Dataset& dataset, LoaderOptions options)
    : dataset_(dataset),
      planner_(dataset, options),
      prefetch_(static_cast<size_t>(options.prefetch)),
      table_(pixel_table(options.normalization)) {
  if (options.prefetch < 1) throw Error("loader: {} batches of prefetching, expected at least 1", options.prefetch);
  if (options.threads < 1) throw Error("loader: {} threads, expected at least 1", options.threads);
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

void Loader::start_epoch(uint64_t epoch, size_t first_batch) {
  if (first_batch > batches())
    throw Error("loader: cannot start at batch {} of an epoch of {} batches", first_batch, batches());
  auto order = std::make_shared<const std::vector<uint32_t>>(planner_.order(epoch));
  {
    const std::lock_guard lock(mutex_);
    order_ = std::move(order);
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
      return stop_ || (order_ && !error_ && next_to_fill_ < batches() && next_to_fill_ < next_to_give_ + prefetch_);
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
  if (spare_.size() < prefetch_) spare_.push_back(std::move(batch));
}

void Loader::fill(const std::vector<uint32_t>& order, uint64_t epoch, size_t index, Batch& batch) const {
  const BatchPlan plan = planner_.plan(order, epoch, index);
  const size_t image_size = dataset_.image_size();
  batch.size = plan.images.size();
  batch.pixels.resize(batch.size * image_size);
  batch.labels.clear();
  batch.mixed_labels.clear();
  batch.lambda = plan.lambda;
  std::vector<float> partner(plan.partners.empty() ? 0 : image_size);
  for (size_t i = 0; i < batch.size; ++i) {
    const auto output = std::span(batch.pixels).subspan(i * image_size, image_size);
    place(plan.images[i], output);
    batch.labels.push_back(dataset_.labels[plan.images[i].image]);
    if (plan.partners.empty()) continue;
    place(plan.partners[i], partner);
    for (size_t p = 0; p < image_size; ++p) output[p] = plan.lambda * output[p] + (1 - plan.lambda) * partner[p];
    batch.mixed_labels.push_back(dataset_.labels[plan.partners[i].image]);
  }
}

void Loader::place(const PlacedImage& image, std::span<float> output) const {
  place_image(dataset_.image(image.image), dataset_.height, dataset_.width, table_, image.placement, output);
}

}  // namespace odenet::data
