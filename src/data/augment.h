// Data augmentation of training images: a random crop of the padded image and a random horizontal flip (K. He et al.,
// "Deep residual learning for image recognition", 2016, section 4.2), cutout (T. DeVries, G. W. Taylor, "Improved
// regularization of convolutional neural networks with cutout", 2017) and mixup (H. Zhang et al., "mixup: beyond
// empirical risk minimization", 2018).
//
//   Augmentation augmentation = find_dataset("cifar10").augmentation;   // crop and flip
//   augmentation.cutout = 16;
//   Placement placement = random_placement(augmentation, seed, epoch, index);
//   place_image(dataset.image(index), 32, 32, table, placement, output);
//
// Padding and cut out squares are zero after normalisation, i.e. the mean colour. Every draw depends on (seed, epoch,
// image) or, for mixup, (seed, epoch, batch) alone, so neither threads nor processes change it; and each kind has a
// random stream of its own, so switching one on leaves the others as they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/normalize.h"

namespace odenet::data {

struct Augmentation {
  int crop_padding = 0;    // pixels of padding on every side before the crop; 0: no crop
  bool flip = false;       // horizontally, half of the time
  int cutout = 0;          // side of the square that is cut out, pixels; 0: none
  double mixup_alpha = 0;  // of Beta(alpha, alpha), whence the share of an image in a mixture; 0: none

  bool operator==(const Augmentation&) const = default;
};

// An Error naming the value that is out of range for images of that size.
void validate(const Augmentation& augmentation, int height, int width);

struct Box {
  int top = 0, left = 0, bottom = 0, right = 0;  // pixels; bottom and right are the first ones outside

  bool operator==(const Box&) const = default;
};

struct Placement {
  int shift_y = 0, shift_x = 0;  // output (y, x) shows input (y + shift_y, x + shift_x); flipping comes afterwards
  bool flip = false;
  Box cutout{};  // of the output; empty: none

  bool operator==(const Placement&) const = default;
};

// Shifts are uniform in [-crop_padding, crop_padding]. The cut out square has its centre at a uniformly drawn pixel and
// is clipped at the borders, as in the paper.
Placement random_placement(const Augmentation& augmentation, uint64_t seed, uint64_t epoch, uint64_t index,
                           int height = 32, int width = 32);

// image: [3, H, W] bytes; output: [H, W, 3], normalised by `table`.
void place_image(std::span<const uint8_t> image, int height, int width, const PixelTable& table,
                 const Placement& placement, std::span<float> output);

// Image i of a batch becomes lambda * image i + (1 - lambda) * image (i + offset) mod size; likewise its label.
struct Mixup {
  float lambda = 1;   // 1: no mixture
  size_t offset = 0;  // 1 to size - 1: never the image itself
};

// lambda from Beta(alpha, alpha), one for the whole batch as in the paper's code. As batches are drawn at random, a
// cyclic offset pairs images as randomly as a permutation. No mixture if alpha is 0 or the batch has a single image.
// (The logarithms behind lambda are the C library's: between two of these, its last bit may differ.)
Mixup random_mixup(double alpha, uint64_t seed, uint64_t epoch, uint64_t batch, size_t size);

}  // namespace odenet::data
