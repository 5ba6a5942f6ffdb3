// The definition of the integer block, read off the comments of src/fixed/network.h: loops and sums of 128 bits.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "fixed/network.h"

namespace odenet::fixed::testing {

__extension__ using Wide = __int128;

inline int32_t clamp(Wide value, Format format) {
  return static_cast<int32_t>(std::clamp<Wide>(value, format.min(), format.max()));
}

inline Wide round(Wide value, int fraction) {
  if (fraction == 0) return value;
  const Wide unit = Wide{1} << fraction;
  Wide numerator = value + unit / 2, quotient = numerator / unit;
  if (numerator % unit < 0) --quotient;
  return quotient;
}

// [Cin, H, W] -> [C, H', W']
inline std::vector<int32_t> naive_conv(const Conv& conv, const Formats& formats, std::span<const int32_t> input,
                                       int height, int width, int execution) {
  const int out_height = conv_size(height, conv.stride), out_width = conv_size(width, conv.stride);
  std::vector<int32_t> output;
  for (int o = 0; o < conv.channels; ++o)
    for (int y = 0; y < out_height; ++y)
      for (int x = 0; x < out_width; ++x) {
        Wide sum = 0;
        for (int c = 0; c < conv.in_channels; ++c)
          for (int ky = 0; ky < 3; ++ky)
            for (int kx = 0; kx < 3; ++kx) {
              const int row = y * conv.stride + ky - 1, column = x * conv.stride + kx - 1;
              if (row < 0 || column < 0 || row >= height || column >= width) continue;
              sum += Wide{input[static_cast<size_t>((c * height + row) * width + column)]} *
                     conv.weight[static_cast<size_t>(((o * conv.in_channels + c) * 3 + ky) * 3 + kx)];
            }
        sum = round(sum, formats.weight.fraction);
        if (!conv.time_bias.empty()) {
          const int row_class = y == 0 ? 0 : y == out_height - 1 ? 2 : 1;
          const int column_class = x == 0 ? 0 : x == out_width - 1 ? 2 : 1;
          sum +=
              conv.time_bias[static_cast<size_t>((execution * conv.channels + o) * 9 + 3 * row_class + column_class)];
        }
        output.push_back(clamp(sum, formats.activation));
      }
  return output;
}

inline void naive_norm(const Norm& norm, const Formats& formats, int execution, int channels,
                       std::vector<int32_t>& values) {
  const size_t pixels = values.size() / static_cast<size_t>(channels);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t at = static_cast<size_t>(execution * channels) + i / pixels;
    values[i] =
        clamp(round(Wide{values[i]} * norm.scale[at], formats.scale.fraction) + norm.shift[at], formats.activation);
  }
}

inline void naive_relu(std::vector<int32_t>& values) {
  for (int32_t& value : values) value = std::max(value, 0);
}

// One image.
inline std::vector<int32_t> naive_block(const Block& block, const Formats& formats, std::vector<int32_t> z) {
  for (int i = 0; i < block.executions; ++i) {
    auto y = naive_conv(block.conv1, formats, z, block.height, block.width, i);
    naive_norm(block.norm1, formats, i, block.conv1.channels, y);
    naive_relu(y);
    y = naive_conv(block.conv2, formats, y, block.out_height(), block.out_width(), i);
    naive_norm(block.norm2, formats, i, block.conv2.channels, y);
    if (block.ode) {
      for (size_t k = 0; k < z.size(); ++k) z[k] = clamp(Wide{z[k]} + y[k], formats.activation);
      continue;
    }
    const int stride = block.conv1.stride;
    for (int c = 0; c < block.conv1.in_channels; ++c)
      for (int row = 0; row < block.out_height(); ++row)
        for (int column = 0; column < block.out_width(); ++column) {
          int32_t& value = y[static_cast<size_t>((c * block.out_height() + row) * block.out_width() + column)];
          const size_t from = static_cast<size_t>((c * block.height + row * stride) * block.width + column * stride);
          value = clamp(Wide{value} + z[from], formats.activation);
        }
    naive_relu(y);
    z = y;
  }
  return z;
}

}  // namespace odenet::fixed::testing
