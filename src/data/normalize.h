// From pixel bytes to what the network sees: (value / 255 - mean) / std per channel, and from [C, H, W] to [H, W, C],
// the order in which channels-last convolutions want their input.
//
//   std::vector<float> input = normalize(dataset.image(0), 32, 32, normalization);
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace odenet::data {

struct Normalization {
  std::array<float, 3> mean{};  // of value / 255, per channel
  std::array<float, 3> std{1.f, 1.f, 1.f};

  float apply(int channel, int value) const {
    const auto c = static_cast<size_t>(channel);
    return (static_cast<float>(value) / 255.f - mean[c]) / std[c];
  }
  bool operator==(const Normalization&) const = default;
};

// Normalization::apply for every channel and byte value: [channel][value].
using PixelTable = std::array<std::array<float, 256>, 3>;
PixelTable pixel_table(const Normalization& normalization);

// images: [N, 3, H, W] bytes; returns [N, H, W, 3]. An Error if `images` is not a whole number of images.
std::vector<float> normalize(std::span<const uint8_t> images, int height, int width,
                             const Normalization& normalization);

}  // namespace odenet::data
