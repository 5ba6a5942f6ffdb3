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
// of the first one, `weight` to [channels, 3, 3, kLanes].
template <int kStride>
[[gnu::always_inline]] inline void sum_tile(const double* low, const double* high, const double* weight, int channels,
                                            size_t plane, size_t pitch, Sums& result) {
  Sums sums{};
  for (int channel = 0; channel < channels; ++channel)
    for (int row = 0; row < 3; ++row) {
      const size_t offset = static_cast<size_t>(channel) * plane + static_cast<size_t>(row) * pitch;
      for (int column = 0; column < 3; ++column, weight += kLanes) {
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

ODENET_CLONES void sum_tile_stride1(const double* low, const double* high, const double* weight, int channels,
                                    size_t plane, size_t pitch, Sums& sums) {
  sum_tile<1>(low, high, weight, channels, plane, pitch, sums);
}

ODENET_CLONES void sum_tile_stride2(const double* low, const double* high, const double* weight, int channels,
                                    size_t plane, size_t pitch, Sums& sums) {
  sum_tile<2>(low, high, weight, channels, plane, pitch, sums);
}

}  // namespace

Convolution::Convolution(const Conv& conv, const Formats& formats, const std::string& name)
    : formats_(formats),
      in_channels_(conv.in_channels),
      channels_(conv.channels),
      stride_(conv.stride),
      time_bias_(conv.time_bias) {
  if (conv.weight.size() != static_cast<size_t>(channels_ * in_channels_ * 9))
    throw Error("{}: {} weights, expected {} x {} x 3 x 3", name, conv.weight.size(), channels_, in_channels_);
  require_accumulator_fits(prove_accumulator(name, conv.weight, conv.channels, formats.activation), formats.weight);
  const size_t taps = static_cast<size_t>(in_channels_) * 9;
  weight_.resize(static_cast<size_t>((channels_ + kLanes - 1) / kLanes) * taps * kLanes);
  for (size_t channel = 0; channel < static_cast<size_t>(channels_); ++channel)
    for (size_t tap = 0; tap < taps; ++tap)
      weight_[(channel / kLanes * taps + tap) * kLanes + channel % kLanes] = conv.weight[channel * taps + tap];
}

int64_t Convolution::run(std::span<const int32_t> input, int height, int width, int execution, Scratch& scratch,
                         std::span<int32_t> output) const {
  const int out_height = conv_size(height, stride_), out_width = conv_size(width, stride_);
  // A row of tiles may reach beyond the image: its last pixels are computed from zeros and thrown away.
  const int tiles = (out_width + kPixels - 1) / kPixels;
  const size_t pitch = static_cast<size_t>(std::max(tiles * kPixels * stride_, width) + 2);
  const size_t plane = static_cast<size_t>(height + 2) * pitch;
  scratch.low.assign(static_cast<size_t>(in_channels_) * plane, 0);
  scratch.high.assign(scratch.low.size(), 0);
  const int32_t* x = input.data();
  for (int channel = 0; channel < in_channels_; ++channel)
    for (int row = 0; row < height; ++row) {
      const size_t at = static_cast<size_t>(channel) * plane + static_cast<size_t>(row + 1) * pitch + 1;
      for (size_t column = 0; column < static_cast<size_t>(width); ++column, ++x) {
        scratch.low[at + column] = low_part(*x, formats_.activation);
        scratch.high[at + column] = high_part(*x, formats_.activation);
      }
    }

  const auto sum_tile_any = stride_ == 1 ? sum_tile_stride1 : sum_tile_stride2;
  const int64_t high_weight = int64_t{1} << low_bits(formats_.activation);
  int64_t saturations = 0;
  Sums sums;
  for (int first = 0; first < channels_; first += kLanes)
    for (int row = 0; row < out_height; ++row)
      for (int tile = 0; tile < tiles; ++tile) {
        const size_t corner =
            static_cast<size_t>(row * stride_) * pitch + static_cast<size_t>(tile * kPixels * stride_);
        sum_tile_any(&scratch.low[corner], &scratch.high[corner],
                     &weight_[static_cast<size_t>(first * in_channels_) * 9], in_channels_, plane, pitch, sums);
        for (int lane = 0; lane < std::min(kLanes, channels_ - first); ++lane)
          for (int pixel = 0; pixel < std::min(kPixels, out_width - tile * kPixels); ++pixel) {
            const int channel = first + lane, column = tile * kPixels + pixel;
            int64_t sum = static_cast<int64_t>(sums.low[lane][pixel]) +
                          static_cast<int64_t>(sums.high[lane][pixel]) * high_weight;
            sum = round_half_up(sum, formats_.weight.fraction);
            if (!time_bias_.empty())
              sum +=
                  time_bias_[static_cast<size_t>(execution * channels_ + channel) * 9 +
                             static_cast<size_t>(3 * border_class(row, out_height) + border_class(column, out_width))];
            output[static_cast<size_t>((channel * out_height + row) * out_width + column)] =
                saturate(sum, formats_.activation, &saturations);
          }
      }
  return saturations;
}

}  // namespace odenet::fixed
