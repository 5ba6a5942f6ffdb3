// Random blocks of every kind and images, straight integers: no training, no quantizer.
//
//   RandomBlock random({.channels = 8, .extreme = true}, /*seed=*/1);
//   random.block, random.formats, random.images(3)
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "fixed/formats_text.h"
#include "fixed/network.h"

namespace odenet::engine::testing {

struct Shape {
  int channels = 8, height = 8, executions = 2;
  bool extreme = false;  // values so large that every stage saturates
  int width = 8;
  bool ode = true;
  Skip skip = Skip::kFull;
  int stride = 1, in_channels = 0;  // 0: as many as channels
  bool projection = false, separable = false;
  NormKind norm = NormKind::kBatch;
  std::string activations = "", weights = "";  // formats; empty: Q20
};

class RandomBlock {
 public:
  RandomBlock(Shape shape, uint32_t seed)
      : formats(fixed::formats_from(shape.activations, shape.weights)), shape_(shape), random_(seed) {
    const int channels = shape.channels, in_channels = shape.in_channels ? shape.in_channels : channels;
    block.name = "layer3_2.0";
    block.ode = shape.ode;
    block.skip = shape.skip;
    block.executions = shape.executions;
    block.height = shape.height;
    block.width = shape.width;
    block.stride = shape.stride;
    block.norm = shape.norm;
    if (shape.separable) {
      block.depthwise1 =
          conv({.in_channels = in_channels, .channels = in_channels, .stride = shape.stride, .depthwise = true});
      block.depthwise2 = conv({.in_channels = channels, .channels = channels, .depthwise = true});
    }
    const int kernel = shape.separable ? 1 : 3;
    block.conv1 = conv({.in_channels = in_channels,
                        .channels = channels,
                        .stride = shape.separable ? 1 : shape.stride,
                        .kernel = kernel});
    block.conv2 = conv({.in_channels = channels, .channels = channels, .kernel = kernel});
    block.norm1 = norm(shape.executions);
    block.norm2 = norm(shape.executions);
    if (shape.projection) {
      block.projection = conv({.in_channels = in_channels, .channels = channels, .stride = shape.stride, .kernel = 1},
                              /*timed=*/false);
      block.projection_norm = norm(1);
    }
  }

  fixed::Formats formats;
  fixed::Block block;

  // [count, C, H, W]; among extreme ones are the smallest and the largest number.
  std::vector<int32_t> images(int count) {
    const fixed::Format format = formats.activation;
    auto values = numbers(count * block.in_channels() * shape_.height * shape_.width,
                          shape_.extreme ? format.width : std::min(format.width, format.fraction + 2));
    if (shape_.extreme)
      for (size_t i = 0; i + 7 < values.size(); i += 7)
        values[i] = static_cast<int32_t>(random_() % 2 != 0 ? format.min() : format.max());
    return values;
  }

 private:
  // Signed numbers of so many bits.
  std::vector<int32_t> numbers(int count, int bits) {
    std::uniform_int_distribution<int64_t> number(-(int64_t{1} << (bits - 1)), (int64_t{1} << (bits - 1)) - 1);
    std::vector<int32_t> values(static_cast<size_t>(count));
    for (int32_t& value : values) value = static_cast<int32_t>(number(random_));
    return values;
  }

  fixed::Conv conv(fixed::Conv conv, bool timed = true) {
    const int taps = conv.kernel * conv.kernel, inputs = conv.depthwise ? 1 : conv.in_channels;
    // Extreme ones of a hundred taps stay below the bound of the accumulators.
    const int most =
        std::min({formats.weight.width, 23, formats.activation.width <= 25 ? 41 - formats.activation.width : 23});
    conv.weight =
        numbers(conv.channels * inputs * taps, shape_.extreme ? most : std::min(most, formats.weight.fraction - 1));
    if (timed && shape_.ode && !conv.depthwise)
      conv.time_bias =
          numbers(shape_.executions * conv.channels * conv.border_classes(), shape_.extreme ? 32 : sum_fraction() - 2);
    return conv;
  }

  fixed::Norm norm(int executions) {
    const int count = executions * shape_.channels;
    return {.scale = numbers(count, shape_.extreme ? 32 : 21),
            .shift = numbers(count, shape_.extreme ? 32 : sum_fraction())};
  }

  int sum_fraction() const { return formats.sum_of(formats.activation, formats.weight).fraction; }

  Shape shape_;
  std::mt19937 random_;
};

}  // namespace odenet::engine::testing
