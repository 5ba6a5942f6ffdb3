// Data augmentation of CIFAR training: a random crop of the image padded by 4 pixels, and a random horizontal flip
// (K. He et al., "Deep residual learning for image recognition", 2016, section 4.2).
//
//   Placement placement = random_placement(seed, epoch, index);
//   place_image(dataset.image(index), 32, 32, table, placement, output);
//
// The padding is zero after normalisation, i.e. the mean colour. The draw depends on (seed, epoch, index) alone, so
// neither batches nor threads change it.
#pragma once

#include <cstdint>
#include <span>

#include "data/normalize.h"

namespace odenet::data {

inline constexpr int kCropPadding = 4;

struct Placement {
  int shift_y = 0, shift_x = 0;  // output (y, x) shows input (y + shift_y, x + shift_x); flipping comes afterwards
  bool flip = false;

  bool operator==(const Placement&) const = default;
};

// Shifts uniform in [-4, 4], flipped half of the time.
Placement random_placement(uint64_t seed, uint64_t epoch, uint64_t index);

// image: [3, H, W] bytes; output: [H, W, 3], normalised by `table`.
void place_image(std::span<const uint8_t> image, int height, int width, const PixelTable& table,
                 const Placement& placement, std::span<float> output);

}  // namespace odenet::data
