// The integer network: what `odenet quantize` writes, what the integer backend runs and what the engine is compiled
// from. Arithmetic in fixed/arithmetic.h; file format: safetensors, tensors named as the members below.
//
//   fixed::Network net = fixed::Network::load("runs/a/q20.safetensors");
//   std::vector<int32_t> logits = fixed::Runner(net).run(image);
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fixed/arithmetic.h"
#include "spec/network_spec.h"

namespace odenet::fixed {

// 3x3 convolution with padding 1: c = sat(round(sum of x * w) + time_bias).
struct Conv {
  int in_channels = 0, channels = 0, stride = 1;
  std::vector<int32_t> weight;  // [channels, in_channels, 3, 3], weight format

  // ODEBlocks only: t_i times the taps of the time plane that fall inside the image, in activation format.
  // [executions, channels, 9], class = 3 * row class + column class; 0 first row/column, 1 inner, 2 last. Else empty.
  std::vector<int32_t> time_bias;
};

// y = sat(round(c * scale) + shift), per execution and channel. In the last norm of an ODEBlock h is folded in.
struct Norm {
  std::vector<int32_t> scale;  // [executions, channels], scale format
  std::vector<int32_t> shift;  // [executions, channels], activation format
};

// residual: y = relu(sat(norm2(conv2(relu(norm1(conv1 x)))) + shortcut(x)))
// ode, for each execution i: z = sat(z + norm2_i(conv2_i(relu(norm1_i(conv1_i z)))))
struct Block {
  std::string name;  // "layer3_2.0"
  bool ode = false;
  int executions = 1;
  int height = 0, width = 0;  // of the input
  Conv conv1, conv2;
  Norm norm1, norm2;
};

struct Network {
  NetworkSpec spec;
  Format activation{32, 20}, weight{25, 20}, scale{32, 20};
  std::string dataset;                   // name in the table of data sets
  std::vector<std::string> class_names;  // [classes]
  std::vector<int32_t> input_table;      // [in_channels, 256]: pixel value -> normalised activation
  Conv stem;                             // "conv1"
  Norm stem_norm;
  std::vector<Block> blocks;
  std::vector<int32_t> fc_weight;  // [classes, features], weight format
  std::vector<int32_t> fc_bias;    // [classes], activation format

  static Network load(const std::filesystem::path& path);
  void save(const std::filesystem::path& path) const;
};

}  // namespace odenet::fixed
