#include "data/preview.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "core/error.h"
#include "data/loader.h"

namespace odenet::data {

namespace {

constexpr int kMargin = 8, kGap = 2;  // pixels
constexpr int kManyClasses = 20;      // beyond, images are not enlarged

// The first `count` images of each class, in the order of classes.
Dataset select(const Dataset& dataset, int count) {
  Dataset selection{.name = dataset.name,
                    .classes = dataset.classes,
                    .channels = dataset.channels,
                    .height = dataset.height,
                    .width = dataset.width,
                    .class_names = dataset.class_names};
  for (int label = 0; label < dataset.classes; ++label) {
    int found = 0;
    for (size_t i = 0; i < dataset.size() && found < count; ++i) {
      if (dataset.labels[i] != label) continue;
      const auto image = dataset.image(i);
      selection.images.insert(selection.images.end(), image.begin(), image.end());
      selection.labels.push_back(label);
      ++found;
    }
  }
  return selection;
}

// image: [H, W, 3], normalised
void draw_image(Picture& picture, int left, int top, int zoom, std::span<const float> image, int height, int width,
                const Normalization& normalization) {
  const auto byte = [&](size_t at) {
    const float value = (image[at] * normalization.std[at % 3] + normalization.mean[at % 3]) * 255;
    return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
  };
  for (int y = 0; y < height * zoom; ++y) {
    for (int x = 0; x < width * zoom; ++x) {
      const size_t at = 3 * static_cast<size_t>(y / zoom * width + x / zoom);
      picture.set(left + x, top + y, {byte(at), byte(at + 1), byte(at + 2)});
    }
  }
}

}  // namespace

Picture preview(const Dataset& dataset, const PreviewOptions& options) {
  if (options.count < 1 || options.count > kMostPreviewed)
    throw Error("preview: {} images of each class, expected 1 to {}", options.count, kMostPreviewed);
  const Dataset selection = select(dataset, options.count);
  if (selection.size() == 0) throw Error("preview: data set {} has no images", dataset.name);
  Loader loader(selection, {.batch = static_cast<int>(selection.size()),
                            .augment = options.augment,
                            .seed = options.seed,
                            .normalization = options.normalization});
  loader.start_epoch(0);
  const Batch batch = *loader.next();

  const int zoom = dataset.classes <= kManyClasses ? 2 : 1;
  const int cell_height = dataset.height * zoom + kGap, cell_width = dataset.width * zoom + kGap;
  int names_width = 0;
  for (const std::string& name : dataset.class_names) names_width = std::max(names_width, text_width(name, zoom));
  const int left = kMargin + names_width + kMargin, top = kMargin + 8 * 2 + kMargin;
  Picture sheet(std::max(left + options.count * cell_width, text_width(options.title, 2) + kMargin) + kMargin,
                top + dataset.classes * cell_height + kMargin);
  draw_text(sheet, kMargin, kMargin, options.title, 2);
  for (int label = 0; label < dataset.classes; ++label)
    draw_text(sheet, kMargin, top + label * cell_height + (cell_height - kGap - 7 * zoom) / 2,
              dataset.class_names.at(static_cast<size_t>(label)), zoom);
  std::vector<int> drawn(static_cast<size_t>(dataset.classes));
  for (size_t i = 0; i < batch.size; ++i) {
    const auto label = static_cast<int>(batch.labels[i]);
    draw_image(sheet, left + drawn[static_cast<size_t>(label)]++ * cell_width, top + label * cell_height, zoom,
               std::span(batch.pixels).subspan(i * selection.image_size(), selection.image_size()), dataset.height,
               dataset.width, options.normalization);
  }
  return sheet;
}

}  // namespace odenet::data
