#include "train/resident_batches.h"

#include <torch/torch.h>

#include "core/error.h"

namespace odenet::train {

namespace {

using torch::Tensor;

constexpr int64_t kPadding = 256;  // row of the table

// What a placed image is to the device.
enum PlacedColumn : int64_t { kImage, kShiftY, kShiftX, kFlip, kTop, kLeft, kBottom, kRight, kPlacedColumns };

Tensor placements(const std::vector<data::PlacedImage>& images, torch::Device device) {
  // From pinned memory the copy to a GPU does not wait for the kernels before it.
  const auto options = torch::TensorOptions(torch::kInt64).pinned_memory(device.is_cuda());
  const Tensor table = torch::empty({static_cast<int64_t>(images.size()), kPlacedColumns}, options);
  auto* row = table.data_ptr<int64_t>();
  for (const auto& [image, placement] : images) {
    row[kImage] = image;
    row[kShiftY] = placement.shift_y;
    row[kShiftX] = placement.shift_x;
    row[kFlip] = placement.flip ? 1 : 0;
    row[kTop] = placement.cutout.top;
    row[kLeft] = placement.cutout.left;
    row[kBottom] = placement.cutout.bottom;
    row[kRight] = placement.cutout.right;
    row += kPlacedColumns;
  }
  return table.to(device, /*non_blocking=*/true);
}

Tensor table_of(const data::Normalization& normalization) {
  const data::PixelTable table = data::pixel_table(normalization);
  const Tensor values = torch::zeros({kPadding + 1, 3});  // padding is zero after normalisation
  auto* value = values.data_ptr<float>();
  for (size_t v = 0; v < 256; ++v)
    for (size_t c = 0; c < 3; ++c) *value++ = table[c][v];
  return values.view(-1);
}

Tensor within(const Tensor& values, const Tensor& begin, const Tensor& end) {
  return values.ge(begin).logical_and_(values.lt(end));
}

}  // namespace

ResidentBatches::ResidentBatches(const data::Dataset& dataset, const data::LoaderOptions& options, torch::Device device,
                                 torch::ScalarType type)
    : planner_(dataset, options),
      height_(dataset.height),
      width_(dataset.width),
      device_(device),
      type_(type),
      table_(table_of(options.normalization).to(device)) {
  const auto images = static_cast<int64_t>(dataset.size());
  auto* const bytes = const_cast<uint8_t*>(dataset.images.data());  // from_blob() asks for it, and they are only read
  bytes_ = torch::from_blob(bytes, {images, 3, height_, width_}, torch::kUInt8)
               .to(device)
               .permute({0, 2, 3, 1})
               .contiguous()
               .view({-1, 3});
  auto* const labels = const_cast<int32_t*>(dataset.labels.data());
  labels_ = torch::from_blob(labels, {images}, torch::kInt32).to(device, torch::kInt64);
}

void ResidentBatches::start_epoch(uint64_t epoch, int64_t first_batch) {
  if (first_batch < 0 || first_batch > count())
    throw Error("loader: cannot start at batch {} of an epoch of {} batches", first_batch, count());
  order_ = planner_.order(epoch);
  epoch_ = epoch;
  next_ = first_batch;
}

std::optional<TensorBatch> ResidentBatches::next() {
  if (order_.empty() || next_ == count()) return std::nullopt;
  const torch::NoGradGuard guard;
  const data::BatchPlan plan = planner_.plan(order_, epoch_, static_cast<size_t>(next_++));
  auto [pixels, labels] = make(plan.images);
  TensorBatch batch{.images = {}, .labels = labels, .mixed_labels = {}, .lambda = plan.lambda};
  if (!plan.partners.empty()) {
    const auto [partners, mixed_labels] = make(plan.partners);
    // Product by product, as fused they would round once less than on the CPU.
    pixels.mul_(plan.lambda).add_(partners.mul(1 - plan.lambda));
    batch.mixed_labels = mixed_labels;
  }
  batch.images = pixels.permute({0, 3, 1, 2}).to(type_);
  return batch;
}

ResidentBatches::Images ResidentBatches::make(const std::vector<data::PlacedImage>& images) const {
  const auto n = static_cast<int64_t>(images.size());
  const Tensor table = placements(images, device_);
  const auto column = [&](PlacedColumn c) { return table.select(1, c).view({n, 1}); };
  const auto index = torch::TensorOptions(torch::kInt64).device(device_);
  // Output (y, x) of an image shows its input (rows[y], columns[x]): as data/augment.h, the flip comes after the shift.
  const Tensor y = torch::arange(height_, index).view({1, -1}), x = torch::arange(width_, index).view({1, -1});
  const Tensor flip = column(kFlip);
  const Tensor rows = y + column(kShiftY);
  const Tensor columns = x + flip * (width_ - 1 - 2 * x) + column(kShiftX);
  const Tensor inside =
      (rows.ge(0) & rows.lt(height_)).unsqueeze(2) & (columns.ge(0) & columns.lt(width_)).unsqueeze(1);
  const Tensor cut =
      within(y, column(kTop), column(kBottom)).unsqueeze(2) & within(x, column(kLeft), column(kRight)).unsqueeze(1);

  const Tensor image = column(kImage);
  const Tensor source = ((image * height_ + rows.clamp(0, height_ - 1)) * width_).unsqueeze(2) +
                        columns.clamp(0, width_ - 1).unsqueeze(1);  // [n, H, W]
  const Tensor bytes = bytes_.index_select(0, source.view(-1)).to(torch::kInt64).view({n, height_, width_, 3});
  const Tensor shown = bytes.masked_fill((inside & ~cut).logical_not().unsqueeze(3), kPadding);
  const Tensor entries = shown * 3 + torch::arange(3, index);
  return {.pixels = table_.index_select(0, entries.view(-1)).view({n, height_, width_, 3}),
          .labels = labels_.index_select(0, image.view(-1))};
}

}  // namespace odenet::train
