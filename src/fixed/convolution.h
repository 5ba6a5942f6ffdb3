// The exact integer convolutions, fast: sums of int32 x int32 products in SIMD registers.
//
//   const Convolution conv(block.conv1, formats);
//   Convolution::Scratch scratch;                                       // one a thread
//   saturations += conv.run(x, height, width, execution, scratch, y);   // [Cin, H, W] -> [C, H', W']
//
// An activation is split as in the engine into a low and a high part (fixed/arithmetic.h). The accumulator proof says
// that each part's sum stays below 2^47, so double arithmetic, which is exact up to 2^53, computes it without rounding
// in any order of summation, and compilers turn that into fused multiply-adds on every machine. The constructor
// therefore throws Error if the weights break the proof. A depthwise convolution, of 9 products an output, is summed in
// 64-bit integers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fixed/network.h"

namespace odenet::fixed {

class Convolution {
 public:
  struct Scratch {
    std::vector<double> low, high;  // zero-padded planes of the input's parts
  };

  Convolution(const Conv& conv, const Formats& formats, const std::string& name);

  // c = sat(round(sum of x * w) + time_bias of that execution); returns the number of saturated values.
  int64_t run(std::span<const int32_t> input, int height, int width, int execution, Scratch& scratch,
              std::span<int32_t> output) const;

 private:
  int64_t run_tiles(std::span<const int32_t> input, int height, int width, int execution, Scratch& scratch,
                    std::span<int32_t> output) const;
  int64_t run_depthwise(std::span<const int32_t> input, int height, int width, int execution,
                        std::span<int32_t> output) const;
  // The output at a pixel of an image of height x width outputs, from its exact sum.
  int32_t finish(int64_t sum, int execution, int channel, int row, int column, int height, int width,
                 int64_t* saturations) const;

  Formats formats_;
  int in_channels_, channels_, stride_, kernel_;
  bool depthwise_;
  std::vector<double> weight_;             // [ceil(channels / kLanes), in_channels, k, k, kLanes]; empty if depthwise
  std::vector<int32_t> depthwise_weight_;  // [channels, k, k], if depthwise
  std::vector<int32_t> time_bias_;
};

}  // namespace odenet::fixed
