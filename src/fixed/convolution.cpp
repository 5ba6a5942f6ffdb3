#include "fixed/convolution.h"

#include <algorithm>

#include "core/error.h"
#include "fixed/accumulator_proof.h"

namespace odenet::fixed {

namespace {

constexpr int kLanes = 4;   // output channels that share an activation
constexpr int kPixels = 8;  // neighbouring output pixels that share a weight

struct Sums {
  double low[kLanes][kPixels], high[kLanes][kPixels];
};

// The sums of kLanes output channels at kPixels neighbouring pixels. `low` and `high` point to the top left input pixel
// of the first one, `weight` to [channels, kKernel, kKernel, kLanes].
template <int kStride, int kKernel>
[[gnu::always_inline]] inline void sum_tile(const double* low, const double* high, const double* weight, int channels,
                                            size_t plane, size_t pitch, Sums& result) {
  Sums sums{};
  for (int channel = 0; channel < channels; ++channel)
    for (int row = 0; row < kKernel; ++row) {
      const size_t offset = static_cast<size_t>(channel) * plane + static_cast<size_t>(row) * pitch;
      for (int column = 0; column < kKernel; ++column, weight += kLanes) {
        const double* l = low + offset + column;
        const double* h = high + offset + column;
#pragma GCC unroll 4
        for (int lane = 0; lane < kLanes; ++lane)
#pragma GCC unroll 1
          for (int pixel = 0; pixel < kPixels; ++pixel) {  // not unrolled: becomes one vector operation a part
            sums.low[lane][pixel] += weight[lane] * l[pixel * kStride];
            sums.high[lane][pixel] += weight[lane] * h[pixel * kStride];
          }
      }
    }
  result = sums;
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ODENET_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define ODENET_CLONES
#endif

using SumTile = void(const double* low, const double* high, const double* weight, int channels, size_t plane,
                     size_t pitch, Sums& sums);

ODENET_CLONES void sum_3x3(const double* low, const double* high, const double* weight, int channels, size_t plane,
                           size_t pitch, Sums& sums) {
  sum_tile<1, 3>(low, high, weight, channels, plane, pitch, sums);
}

ODENET_CLONES void sum_3x3_stride2(const double* low, const double* high, const double* weight, int channels,
                                   size_t plane, size_t pitch, Sums& sums) {
  sum_tile<2, 3>(low, high, weight, channels, plane, pitch, sums);
}

ODENET_CLONES void sum_1x1(const double* low, const double* high, const double* weight, int channels, size_t plane,
                           size_t pitch, Sums& sums) {
  sum_tile<1, 1>(low, high, weight, channels, plane, pitch, sums);
}

ODENET_CLONES void sum_1x1_stride2(const double* low, const double* high, const double* weight, int channels,
                                   size_t plane, size_t pitch, Sums& sums) {
  sum_tile<2, 1>(low, high, weight, channels, plane, pitch, sums);
}

SumTile* sum_tile_of(int kernel, int stride) {
  if (kernel == 1) return stride == 1 ? sum_1x1 : sum_1x1_stride2;
  return stride == 1 ? sum_3x3 : sum_3x3_stride2;
}

}  // namespace

Convolution::Convolution(const Conv& conv, const Formats& formats, const std::string& name)
    : formats_(formats),
      in_channels_(conv.in_channels),
      channels_(conv.channels),
      stride_(conv.stride),
      kernel_(conv.kernel),
      depthwise_(conv.depthwise),
      time_bias_(conv.time_bias) {
  const Shape shape = conv.weight_shape();
  if (std::ssize(conv.weight) != element_count(shape))
    throw Error("{}: {} weights, expected the shape {}", name, conv.weight.size(), to_string(shape));
  require_accumulator_fits(prove_accumulator(name, conv.weight, conv.channels, formats.activation), formats.weight);
  if (depthwise_) {
    depthwise_weight_ = conv.weight;
    return;
  }
  const size_t taps = static_cast<size_t>(in_channels_ * kernel_ * kernel_);
  weight_.resize(static_cast<size_t>((channels_ + kLanes - 1) / kLanes) * taps * kLanes);
  for (size_t channel = 0; channel < static_cast<size_t>(channels_); ++channel)
    for (size_t tap = 0; tap < taps; ++tap)
      weight_[(channel / kLanes * taps + tap) * kLanes + channel % kLanes] = conv.weight[channel * taps + tap];
}

int64_t Convolution::run(std::span<const int32_t> input, int height, int width, int execution, Scratch& scratch,
                         std::span<int32_t> output) const {
  return depthwise_ ? run_depthwise(input, height, width, execution, output)
                    : run_tiles(input, height, width, execution, scratch, output);
}

int32_t Convolution::finish(int64_t sum, int execution, int channel, int row, int column, int height, int width,
                            int64_t* saturations) const {
  sum = round_half_up(sum, formats_.weight.fraction);
  if (!time_bias_.empty()) {
    const int at = execution * channels_ + channel;
    const int border = kernel_ == 1 ? at : 9 * at + 3 * border_class(row, height) + border_class(column, width);
    sum += time_bias_[static_cast<size_t>(border)];
  }
  return saturate(sum, formats_.activation, saturations);
}

int64_t Convolution::run_depthwise(std::span<const int32_t> input, int height, int width, int execution,
                                   std::span<int32_t> output) const {
  const int out_height = conv_size(height, stride_), out_width = conv_size(width, stride_), padding = kernel_ / 2;
  int64_t saturations = 0;
  for (int channel = 0; channel < channels_; ++channel)
    for (int row = 0; row < out_height; ++row) {
      const int first = row * stride_ - padding;
      for (int column = 0; column < out_width; ++column) {
        const int left = column * stride_ - padding;
        int64_t sum = 0;
        for (int y = std::max(0, -first); y < std::min(kernel_, height - first); ++y)
          for (int x = std::max(0, -left); x < std::min(kernel_, width - left); ++x)
            sum += int64_t{input[static_cast<size_t>((channel * height + first + y) * width + left + x)]} *
                   depthwise_weight_[static_cast<size_t>((channel * kernel_ + y) * kernel_ + x)];
        output[static_cast<size_t>((channel * out_height + row) * out_width + column)] =
            finish(sum, execution, channel, row, column, out_height, out_width, &saturations);
      }
    }
  return saturations;
}

int64_t Convolution::run_tiles(std::span<const int32_t> input, int height, int width, int execution, Scratch& scratch,
                               std::span<int32_t> output) const {
  const int out_height = conv_size(height, stride_), out_width = conv_size(width, stride_), padding = kernel_ / 2;
  // A row of tiles may reach beyond the image: its last pixels are computed from zeros and thrown away.
  const int tiles = (out_width + kPixels - 1) / kPixels;
  const size_t pitch = static_cast<size_t>(std::max(tiles * kPixels * stride_, width) + 2 * padding);
  const size_t plane = static_cast<size_t>(height + 2 * padding) * pitch;
  scratch.low.assign(static_cast<size_t>(in_channels_) * plane, 0);
  scratch.high.assign(scratch.low.size(), 0);
  const int32_t* x = input.data();
  for (int channel = 0; channel < in_channels_; ++channel)
    for (int row = 0; row < height; ++row) {
      const size_t at = static_cast<size_t>(channel) * plane + static_cast<size_t>((row + padding)) * pitch +
                        static_cast<size_t>(padding);
      for (size_t column = 0; column < static_cast<size_t>(width); ++column, ++x) {
        scratch.low[at + column] = low_part(*x, formats_.activation);
        scratch.high[at + column] = high_part(*x, formats_.activation);
      }
    }

  SumTile* const sum_tile_any = sum_tile_of(kernel_, stride_);
  const int64_t high_weight = int64_t{1} << low_bits(formats_.activation);
  int64_t saturations = 0;
  Sums sums;
  for (int first = 0; first < channels_; first += kLanes)
    for (int row = 0; row < out_height; ++row)
      for (int tile = 0; tile < tiles; ++tile) {
        const size_t corner =
            static_cast<size_t>(row * stride_) * pitch + static_cast<size_t>(tile * kPixels * stride_);
        sum_tile_any(&scratch.low[corner], &scratch.high[corner],
                     &weight_[static_cast<size_t>(first * in_channels_ * kernel_ * kernel_)], in_channels_, plane,
                     pitch, sums);
        for (int lane = 0; lane < std::min(kLanes, channels_ - first); ++lane)
          for (int pixel = 0; pixel < std::min(kPixels, out_width - tile * kPixels); ++pixel) {
            const int channel = first + lane, column = tile * kPixels + pixel;
            const int64_t sum = static_cast<int64_t>(sums.low[lane][pixel]) +
                                static_cast<int64_t>(sums.high[lane][pixel]) * high_weight;
            output[static_cast<size_t>((channel * out_height + row) * out_width + column)] =
                finish(sum, execution, channel, row, column, out_height, out_width, &saturations);
          }
      }
  return saturations;
}

}  // namespace odenet::fixed
