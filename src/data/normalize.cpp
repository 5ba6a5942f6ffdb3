#include "data/normalize.h"

#include "core/error.h"

namespace odenet::data {

PixelTable pixel_table(const Normalization& normalization) {
  PixelTable table;
  for (int c = 0; c < 3; ++c) {
    for (int v = 0; v < 256; ++v) table[static_cast<size_t>(c)][static_cast<size_t>(v)] = normalization.apply(c, v);
  }
  return table;
}

std::vector<float> normalize(std::span<const uint8_t> images, int height, int width,
                             const Normalization& normalization) {
  const size_t plane = static_cast<size_t>(height) * static_cast<size_t>(width);
  if (plane == 0 || images.size() % (3 * plane) != 0)
    throw Error("normalize: {} bytes are no whole number of 3x{}x{} images", images.size(), height, width);
  const PixelTable table = pixel_table(normalization);
  std::vector<float> pixels(images.size());
  for (size_t first = 0; first < images.size(); first += 3 * plane) {
    for (size_t i = 0; i < plane; ++i) {
      for (size_t c = 0; c < 3; ++c) pixels[first + 3 * i + c] = table[c][images[first + c * plane + i]];
    }
  }
  return pixels;
}

}  // namespace odenet::data
