#include "fixed/map.h"

#include <algorithm>

namespace odenet::fixed {

void Map::read(std::span<const int32_t> values, int channels, int height, int width) {
  reshape(channels, height, width);
  const auto lanes = static_cast<size_t>(pitch()), used = static_cast<size_t>(channels);
  const auto plane = static_cast<size_t>(pixels());
  for (size_t pixel = 0; pixel < plane; ++pixel) {
    int32_t* to = values_.data() + pixel * lanes;
    for (size_t channel = 0; channel < used; ++channel) to[channel] = values[channel * plane + pixel];
    std::fill(to + used, to + lanes, 0);
  }
}

void Map::write(std::span<int32_t> values) const {
  const auto lanes = static_cast<size_t>(pitch()), used = static_cast<size_t>(channels_);
  const auto plane = static_cast<size_t>(pixels());
  for (size_t channel = 0; channel < used; ++channel)
    for (size_t pixel = 0; pixel < plane; ++pixel) values[channel * plane + pixel] = values_[pixel * lanes + channel];
}

}  // namespace odenet::fixed
