#include "data/augment.h"

#include "data/random.h"

namespace odenet::data {

Placement random_placement(uint64_t seed, uint64_t epoch, uint64_t index) {
  constexpr uint64_t kStream = 0x617567;  // "aug": apart from the shuffle's draws of the same seed
  Random random({seed, kStream, epoch, index});
  Placement placement;
  placement.shift_y = random.between(-kCropPadding, kCropPadding);
  placement.shift_x = random.between(-kCropPadding, kCropPadding);
  placement.flip = random.below(2) == 1;
  return placement;
}

void place_image(std::span<const uint8_t> image, int height, int width, const PixelTable& table,
                 const Placement& placement, std::span<float> output) {
  const size_t plane = static_cast<size_t>(height) * static_cast<size_t>(width);
  float* out = output.data();
  for (int y = 0; y < height; ++y) {
    const int source_y = y + placement.shift_y;
    const bool row_inside = source_y >= 0 && source_y < height;
    for (int x = 0; x < width; ++x, out += 3) {
      const int source_x = (placement.flip ? width - 1 - x : x) + placement.shift_x;
      if (row_inside && source_x >= 0 && source_x < width) {
        const size_t i = static_cast<size_t>(source_y * width + source_x);
        for (size_t c = 0; c < 3; ++c) out[c] = table[c][image[c * plane + i]];
      } else {
        out[0] = out[1] = out[2] = 0.f;
      }
    }
  }
}

}  // namespace odenet::data
