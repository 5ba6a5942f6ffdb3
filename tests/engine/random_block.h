// Random ODEBlocks and images, straight integers: no training, no quantizer.
//
//   RandomBlock random({.channels = 8, .extreme = true}, /*seed=*/1);
//   random.block, random.formats, random.images(3)
#pragma once

#include <random>
#include <vector>

#include "fixed/network.h"

namespace odenet::engine::testing {

struct Shape {
  int channels = 8, height = 8, executions = 2;
  bool extreme = false;  // values so large that every stage saturates
};

class RandomBlock {
 public:
  RandomBlock(Shape shape, uint32_t seed) : shape_(shape), random_(seed) {
    block.name = "layer3_2.0";
    block.ode = true;
    block.executions = shape.executions;
    block.height = shape.height;
    block.width = 8;
    block.conv1 = conv();
    block.conv2 = conv();
    block.norm1 = norm();
    block.norm2 = norm();
  }

  fixed::Block block;
  fixed::Formats formats;

  // [count, C, H, 8]; among extreme ones are the smallest and the largest number.
  std::vector<int32_t> images(int count) {
    auto values = numbers(count * shape_.channels * shape_.height * 8, shape_.extreme ? 32 : 22);
    if (shape_.extreme)
      for (size_t i = 0; i + 7 < values.size(); i += 7) values[i] = random_() % 2 != 0 ? INT32_MIN : INT32_MAX;
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

  fixed::Conv conv() {
    const int channels = shape_.channels;
    return {.in_channels = channels,
            .channels = channels,
            .weight = numbers(channels * channels * 9, shape_.extreme ? 23 : 19),
            .time_bias = numbers(shape_.executions * channels * 9, shape_.extreme ? 32 : 18)};
  }

  fixed::Norm norm() {
    const int count = shape_.executions * shape_.channels;
    return {.scale = numbers(count, shape_.extreme ? 32 : 21), .shift = numbers(count, shape_.extreme ? 32 : 20)};
  }

  Shape shape_;
  std::mt19937 random_;
};

}  // namespace odenet::engine::testing
