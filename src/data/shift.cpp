#include "data/shift.h"

#include <algorithm>
#include <array>

#include "data/random.h"

namespace odenet::data {

namespace {

constexpr int kGain = 96;                           // of the contrast, in 1/256
constexpr std::array<int, 3> kOffset{120, 90, 60};  // of the channels
constexpr int kJitter = 12;                         // uniform in [-kJitter, kJitter]

// Sums of 16 parts.
std::vector<int> blurred(std::span<const uint8_t> plane, int height, int width) {
  const auto at = [&](int y, int x) {
    return int{plane[static_cast<size_t>(std::clamp(y, 0, height - 1) * width + std::clamp(x, 0, width - 1))]};
  };
  const auto row = [&](int y, int x) { return at(y, x - 1) + 2 * at(y, x) + at(y, x + 1); };
  std::vector<int> sums;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) sums.push_back(row(y - 1, x) + 2 * row(y, x) + row(y + 1, x));
  return sums;
}

}  // namespace

Dataset shifted(Dataset dataset, uint64_t stream) {
  const auto plane = static_cast<size_t>(dataset.height * dataset.width);
  for (size_t i = 0; i < dataset.size(); ++i) {
    Random random({0x73686966746564, stream, i});  // "shifted"
    for (size_t c = 0; c < 3; ++c) {
      const std::span<uint8_t> pixels(dataset.images.data() + i * dataset.image_size() + c * plane, plane);
      const std::vector<int> sums = blurred(pixels, dataset.height, dataset.width);
      for (size_t p = 0; p < plane; ++p) {
        const int value = kOffset[c] + (sums[p] * kGain + 8 * 256) / (16 * 256) + random.between(-kJitter, kJitter);
        pixels[p] = static_cast<uint8_t>(std::clamp(value, 0, 255));
      }
    }
  }
  return dataset;
}

}  // namespace odenet::data
