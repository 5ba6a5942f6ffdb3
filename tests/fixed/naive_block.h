// The definition of the integer block, read off the comments of src/fixed/network.h: loops and sums of 128 bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
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

inline Wide aligned(Wide value, int from, int to) {
  return from >= to ? round(value, from - to) : value * (Wide{1} << (to - from));
}

// [Cin, H, W] -> [C, H', W']
inline std::vector<int32_t> naive_conv(const Conv& conv, const LayerFormats& formats, std::span<const int32_t> input,
                                       int height, int width, int execution) {
  const int out_height = conv_size(height, conv.stride), out_width = conv_size(width, conv.stride);
  const int k = conv.kernel, inputs = conv.depthwise ? 1 : conv.in_channels;
  std::vector<int32_t> output;
  for (int o = 0; o < conv.channels; ++o)
    for (int y = 0; y < out_height; ++y)
      for (int x = 0; x < out_width; ++x) {
        Wide sum = 0;
        for (int c = 0; c < inputs; ++c)
          for (int ky = 0; ky < k; ++ky)
            for (int kx = 0; kx < k; ++kx) {
              const int row = y * conv.stride + ky - k / 2, column = x * conv.stride + kx - k / 2;
              if (row < 0 || column < 0 || row >= height || column >= width) continue;
              const int from = conv.depthwise ? o : c;
              sum += Wide{input[static_cast<size_t>((from * height + row) * width + column)]} *
                     conv.weight[static_cast<size_t>(((o * inputs + c) * k + ky) * k + kx)];
            }
        sum = round(sum, formats.input.fraction + formats.weight.fraction - formats.sum.fraction);
        if (!conv.time_bias.empty()) {
          const int row_class = y == 0 ? 0 : y == out_height - 1 ? 2 : 1;
          const int column_class = x == 0 ? 0 : x == out_width - 1 ? 2 : 1;
          const int channel = execution * conv.channels + o;
          sum += conv.time_bias[static_cast<size_t>(k == 1 ? channel : channel * 9 + 3 * row_class + column_class)];
        }
        output.push_back(clamp(sum, formats.sum));
      }
  return output;
}

inline void naive_affine_norm(const Norm& norm, const LayerFormats& formats, int execution, int channels,
                              std::vector<int32_t>& values) {
  const size_t pixels = values.size() / static_cast<size_t>(channels);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t at = static_cast<size_t>(execution * channels) + i / pixels;
    const Wide exact = Wide{values[i]} * norm.scale[at] + Wide{norm.shift[at]} * (Wide{1} << formats.scale.fraction);
    values[i] =
        clamp(round(exact, formats.sum.fraction + formats.scale.fraction - formats.output.fraction), formats.output);
  }
}

// An online norm as fixed/online_norm.h defines it.
inline void naive_online_norm(const Norm& norm, const LayerFormats& formats, int execution, int channels,
                              std::vector<int32_t>& values) {
  const size_t pixels = values.size() / static_cast<size_t>(channels);
  const Wide n = static_cast<Wide>(pixels);
  Wide epsilon = static_cast<Wide>(std::floor(1e-5 * std::pow(2.0, 2 * formats.sum.fraction) + 0.5));
  if (epsilon < 1) epsilon = 1;
  const auto nearest = [](Wide value, Wide divisor) {  // floor(value / divisor + 1/2)
    const Wide numerator = 2 * value + divisor, quotient = numerator / (2 * divisor);
    return numerator % (2 * divisor) < 0 ? quotient - 1 : quotient;
  };
  for (size_t first = 0; first < values.size(); first += pixels) {
    const auto channel = std::span(values).subspan(first, pixels);
    const size_t at = static_cast<size_t>(execution * channels) + first / pixels;
    Wide sum = 0, squares = 0;
    for (const int32_t c : channel) sum += c, squares += Wide{c} * c + epsilon;
    const Wide square = n * squares - sum * sum;
    Wide root = 0;
    for (Wide bit = Wide{1} << 47; bit > 0; bit /= 2)
      if ((root + bit) * (root + bit) <= square) root += bit;
    const Wide mean = nearest(sum, n);
    const Wide scale = clamp(nearest(norm.scale[at] * n * (Wide{1} << formats.sum.fraction), root), formats.scale);
    for (int32_t& c : channel) {
      const Wide exact =
          clamp(c - mean, formats.sum) * scale + Wide{norm.shift[at]} * (Wide{1} << formats.scale.fraction);
      c = clamp(round(exact, formats.sum.fraction + formats.scale.fraction - formats.output.fraction), formats.output);
    }
  }
}

inline void naive_norm(const ConvLayer& layer, int execution, std::vector<int32_t>& values) {
  (layer.online ? naive_online_norm : naive_affine_norm)(*layer.norm, layer.formats, execution, layer.conv.channels,
                                                         values);
}

inline void naive_relu(std::vector<int32_t>& values) {
  for (int32_t& value : values) value = std::max(value, 0);
}

// values, of format `to`, += added.
inline void naive_sum(const std::vector<int32_t>& added, Format from, Format to, std::vector<int32_t>& values) {
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = clamp(Wide{values[i]} + aligned(added[i], from.fraction, to.fraction), to);
}

// The steps of fixed/method.h from z on; evaluate(u, i) is K_i(u).
template <typename Evaluate>
std::vector<int32_t> naive_steps(const Block& block, Format scale, Format format, std::vector<int32_t> z,
                                 const Evaluate& evaluate) {
  const auto add_product = [&](int32_t factor, const std::vector<int32_t>& k, std::vector<int32_t>& sum) {
    if (factor == 0) return;
    for (size_t n = 0; n < sum.size(); ++n)
      sum[n] = clamp(Wide{sum[n]} + clamp(round(Wide{k[n]} * factor, scale.fraction), format), format);
  };
  if (std::holds_alternative<Leapfrog>(block.method)) {
    auto v = evaluate(z, 0);
    const auto add_half = [&] {
      for (size_t n = 0; n < z.size(); ++n) z[n] = clamp(z[n] + round(v[n], 1), format);
    };
    for (int i = 1; i < block.executions; ++i) {
      add_half();
      const auto w = evaluate(z, i);
      for (size_t n = 0; n < v.size(); ++n) v[n] = clamp(2 * Wide{w[n]} - v[n], format);
      add_half();
    }
    return z;
  }
  RungeKutta method{.stages = 1, .a = {0}, .b = {1}};
  if (const auto* given = std::get_if<RungeKutta>(&block.method)) method = *given;
  const auto stages = static_cast<size_t>(method.stages);
  for (int first = 0; first < block.executions; first += method.stages) {
    std::vector<std::vector<int32_t>> k;
    for (size_t i = 0; i < stages; ++i) {
      auto u = z;
      for (size_t j = 0; j < i; ++j) add_product(method.a[i * stages + j], k[j], u);
      k.push_back(evaluate(u, first + static_cast<int>(i)));
    }
    if (std::holds_alternative<Euler>(block.method))
      naive_sum(k.front(), format, format, z);
    else
      for (size_t i = 0; i < stages; ++i) add_product(method.b[i], k[i], z);
  }
  return z;
}

// One image; `input` is the format of z.
inline std::vector<int32_t> naive_block(const Block& block, const Formats& formats, Format input,
                                        std::vector<int32_t> z) {
  std::map<const Conv*, LayerFormats> of;
  const auto layers = conv_layers(block, formats, input);
  for (const ConvLayer& layer : layers) of[&layer.conv] = layer.formats;
  const auto norm = [&](const Conv& conv, int execution, std::vector<int32_t>& values) {
    for (const ConvLayer& layer : layers)
      if (&layer.conv == &conv) naive_norm(layer, execution, values);
  };
  const Format hidden = of[&block.conv1].output, output = of[&block.conv2].output;
  const int out_height = block.out_height(), out_width = block.out_width();
  const auto add_shortcut = [&](Format to, std::vector<int32_t>& values) {  // of z
    if (block.projection) {
      const LayerFormats& f = of[&*block.projection];
      auto y = naive_conv(*block.projection, f, z, block.height, block.width, 0);
      norm(*block.projection, 0, y);
      return naive_sum(y, f.output, to, values);
    }
    std::vector<int32_t> y;
    for (int c = 0; c < block.channels(); ++c)
      for (int row = 0; row < out_height; ++row)
        for (int column = 0; column < out_width; ++column)
          y.push_back(c < block.in_channels()
                          ? z[static_cast<size_t>((c * block.height + row * block.stride) * block.width +
                                                  column * block.stride)]
                          : 0);
    naive_sum(y, input, to, values);
  };
  const auto evaluate = [&](std::vector<int32_t> y, int i) {
    int height = block.height, width = block.width;
    if (block.depthwise1) {
      y = naive_conv(*block.depthwise1, of[&*block.depthwise1], y, height, width, i);
      height = out_height, width = out_width;
    }
    y = naive_conv(block.conv1, of[&block.conv1], y, height, width, i);
    norm(block.conv1, i, y);
    if (block.skip == Skip::kShort) add_shortcut(hidden, y);
    naive_relu(y);
    if (block.depthwise2) y = naive_conv(*block.depthwise2, of[&*block.depthwise2], y, out_height, out_width, i);
    y = naive_conv(block.conv2, of[&block.conv2], y, out_height, out_width, i);
    norm(block.conv2, i, y);
    return y;
  };
  if (!block.ode) {
    auto y = evaluate(z, 0);
    if (block.skip == Skip::kFull) add_shortcut(output, y);
    naive_relu(y);
    return y;
  }
  std::vector<int32_t> start(z.size(), 0);
  naive_sum(z, input, output, start);
  return naive_steps(block, formats.scale, output, start, evaluate);
}

}  // namespace odenet::fixed::testing
