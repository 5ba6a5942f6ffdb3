#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/random.h"

namespace odenet::data {

namespace {

// The random streams of one seed, apart from each other and from the shuffle's.
constexpr uint64_t kPlacementStream = 0x617567;  // "aug"
constexpr uint64_t kCutoutStream = 0x637574;     // "cut"
constexpr uint64_t kMixupStream = 0x6d6978;      // "mix"
constexpr double kLargestMixupAlpha = 100;       // beyond, all mixtures are half and half

// A draw from Beta(alpha, alpha).
double random_beta(double alpha, Random& random) {
  if (alpha > 1) {
    // Rejection from the uniform distribution: the density is proportional to (4 x (1 - x))^(alpha - 1) <= 1.
    while (true) {
      const double x = random.unit();
      if (random.unit() <= std::pow(4 * x * (1 - x), alpha - 1)) return x;
    }
  }
  // M. D. Jöhnk, 1964: X = U^(1/alpha), Y = V^(1/alpha); given X + Y <= 1, X / (X + Y) is Beta(alpha, alpha). In
  // logarithms, as X and Y underflow for small alpha.
  while (true) {
    const double x = std::log(random.unit()) / alpha, y = std::log(random.unit()) / alpha;
    if (std::exp(x) + std::exp(y) <= 1) return 1 / (1 + std::exp(y - x));
  }
}

Box random_square(int side, uint64_t seed, uint64_t epoch, uint64_t index, int height, int width) {
  Random random({seed, kCutoutStream, epoch, index});
  const int top = random.between(0, height - 1) - side / 2, left = random.between(0, width - 1) - side / 2;
  return {std::max(top, 0), std::max(left, 0), std::min(top + side, height), std::min(left + side, width)};
}

}  // namespace

void validate(const Augmentation& augmentation, int height, int width) {
  const int limit = std::min(height, width);
  if (augmentation.crop_padding < 0 || augmentation.crop_padding >= limit)
    throw Error("augmentation: crop padding of {} pixels, expected 0 to {}", augmentation.crop_padding, limit - 1);
  if (augmentation.cutout < 0 || augmentation.cutout > limit)
    throw Error("augmentation: cutout of {} pixels, expected 0 (none) to {}", augmentation.cutout, limit);
  if (!(augmentation.mixup_alpha >= 0 && augmentation.mixup_alpha <= kLargestMixupAlpha))
    throw Error("augmentation: mixup alpha {}, expected 0 (none) to {}", augmentation.mixup_alpha, kLargestMixupAlpha);
}

Placement random_placement(const Augmentation& augmentation, uint64_t seed, uint64_t epoch, uint64_t index, int height,
                           int width) {
  Random random({seed, kPlacementStream, epoch, index});
  Placement placement;
  placement.shift_y = random.between(-augmentation.crop_padding, augmentation.crop_padding);
  placement.shift_x = random.between(-augmentation.crop_padding, augmentation.crop_padding);
  placement.flip = augmentation.flip && random.below(2) == 1;
  if (augmentation.cutout > 0) placement.cutout = random_square(augmentation.cutout, seed, epoch, index, height, width);
  return placement;
}

void place_image(std::span<const uint8_t> image, int height, int width, const PixelTable& table,
                 const Placement& placement, std::span<float> output) {
  const auto plane = static_cast<std::ptrdiff_t>(height) * width;
  // Output column x shows input column first + step * x; inside the image for x in [begin, end).
  const int step = placement.flip ? -1 : 1;
  const int first = (placement.flip ? width - 1 : 0) + placement.shift_x;
  const int begin = std::clamp(placement.flip ? first - width + 1 : -first, 0, width);
  const int end = std::clamp(placement.flip ? first + 1 : width - first, begin, width);
  for (int y = 0; y < height; ++y) {
    float* const row = output.data() + static_cast<std::ptrdiff_t>(3) * y * width;
    const int source_y = y + placement.shift_y;
    if (source_y < 0 || source_y >= height) {
      std::fill_n(row, 3 * width, 0.f);
      continue;
    }
    std::fill(row, row + 3 * begin, 0.f);
    const uint8_t* source = image.data() + static_cast<std::ptrdiff_t>(source_y) * width + first + step * begin;
    for (int x = begin; x < end; ++x, source += step) {
      row[3 * x] = table[0][source[0]];
      row[3 * x + 1] = table[1][source[plane]];
      row[3 * x + 2] = table[2][source[2 * plane]];
    }
    std::fill(row + 3 * end, row + 3 * width, 0.f);
  }
  const Box& box = placement.cutout;
  for (int y = box.top; y < box.bottom; ++y)
    std::fill_n(output.data() + static_cast<std::ptrdiff_t>(3) * (y * width + box.left), 3 * (box.right - box.left),
                0.f);
}

Mixup random_mixup(double alpha, uint64_t seed, uint64_t epoch, uint64_t batch, size_t size) {
  if (alpha == 0 || size < 2) return {};
  Random random({seed, kMixupStream, epoch, batch});
  const size_t offset = 1 + random.below(static_cast<uint32_t>(size - 1));
  return {static_cast<float>(random_beta(alpha, random)), offset};
}

}  // namespace odenet::data
