// The integer network: what `odenet quantize` writes, what the integer backend runs and what the engine is compiled
// from. Arithmetic in fixed/arithmetic.h; file format: safetensors, see network.cpp for the names of the tensors.
//
//   fixed::Network net = fixed::Network::load("runs/a/q20.safetensors");
//   std::vector<int32_t> logits = fixed::Runner(net).run(images);
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "fixed/arithmetic.h"
#include "spec/network_spec.h"

namespace odenet::fixed {

// 3x3 convolution with padding 1: c = sat(round(sum of x * w) + time_bias).
struct Conv {
  int in_channels = 0, channels = 0, stride = 1;
  std::vector<int32_t> weight{};  // [channels, in_channels, 3, 3], weight format

  // ODEBlocks only: t_i times the taps of the time plane that fall inside the image, in activation format.
  // [executions, channels, 9], class = 3 * row class + column class; 0 first row/column, 1 inner, 2 last. Else empty.
  std::vector<int32_t> time_bias{};
};

// Row or column class of a pixel in an image of that size, for Conv::time_bias.
constexpr int border_class(int index, int size) { return index == 0 ? 0 : index == size - 1 ? 2 : 1; }

// y = sat(round(c * scale) + shift), per execution and channel. In the last norm of an ODEBlock h is folded in.
struct Norm {
  std::vector<int32_t> scale;  // [executions, channels], scale format
  std::vector<int32_t> shift;  // [executions, channels], activation format
};

// residual: y = relu(sat(norm2(conv2(relu(norm1(conv1 x)))) + shortcut(x))); the shortcut takes every stride-th row and
//           column; input channels come first, channels of zeros are appended
// ode, for each execution i: z = sat(z + norm2_i(conv2_i(relu(norm1_i(conv1_i z)))))
struct Block {
  std::string name;  // "layer3_2.0"
  bool ode = false;
  int executions = 1;
  int height = 0, width = 0;  // of the input
  Conv conv1, conv2;
  Norm norm1, norm2;

  int out_height() const { return conv_size(height, conv1.stride); }
  int out_width() const { return conv_size(width, conv1.stride); }
};

struct Formats {
  Format activation{32, 20}, weight{25, 20}, scale{32, 20};
  bool operator==(const Formats&) const = default;
};

// metadata "format" of the file of an integer network.
inline constexpr const char* kNetworkFormat = "odenet-q";

struct Network : Formats {
  NetworkSpec spec;
  std::string dataset;                   // name in the table of data sets
  std::vector<std::string> class_names;  // [classes]
  std::vector<int32_t> input_table;      // [in_channels, 256]: pixel value -> normalised activation
  Conv stem;                             // "conv1"
  Norm stem_norm;
  std::vector<Block> blocks;
  std::vector<int32_t> fc_weight;  // [classes, features], weight format
  std::vector<int32_t> fc_bias;    // [classes], activation format

  // Both check() the network; load() also refuses missing and unexpected tensors and files of another kind.
  static Network load(const std::filesystem::path& path);
  static Network from_tensors(const SafeTensors& file);
  void save(const std::filesystem::path& path) const;
  SafeTensors to_tensors() const;

  const Formats& formats() const { return *this; }
};

// The network of that spec with all tensors empty: a file's metadata alone never makes us allocate.
Network make_skeleton(const NetworkSpec& spec, const Formats& formats = {});

// The same with every tensor at its size and all values zero.
Network make_network(const NetworkSpec& spec, const Formats& formats = {});

// One tensor of the integer network, as it is called in the file and in messages.
struct TensorView {
  std::string name;
  Shape shape;
  Format format;
  std::vector<int32_t>& values;
};

// Every tensor of the network, in network order.
void for_each_tensor(Network& network, const std::function<void(const TensorView&)>& visit);

// Throws Error unless every tensor has the spec's size and every value lies in its format. The accumulator proof is
// separate: fixed/accumulator_proof.h.
void check(const Network& network);

}  // namespace odenet::fixed
