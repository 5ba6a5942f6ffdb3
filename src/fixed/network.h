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
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"
#include "fixed/arithmetic.h"
#include "fixed/method.h"
#include "spec/network_spec.h"

namespace odenet::fixed {

// Convolution with padding kernel / 2: c = sat(round(sum of x * w) + time_bias), in format `sum`.
struct Conv {
  int in_channels = 0, channels = 0, stride = 1;
  int kernel = 3;                 // 3 or 1
  bool depthwise = false;         // each output channel sees the input channel of its number alone
  std::vector<int32_t> weight{};  // [channels, in_channels or (depthwise) 1, kernel, kernel], weight format

  // ODEBlocks only: t_i times the taps of the time plane that fall inside the image, in format `sum`.
  // [executions, channels, border_classes], class = 3 * row class + column class; 0 first row/column, 1 inner, 2 last.
  // Else empty.
  std::vector<int32_t> time_bias{};

  int border_classes() const { return kernel == 1 ? 1 : 9; }
  std::vector<int64_t> weight_shape() const { return {channels, depthwise ? 1 : in_channels, kernel, kernel}; }
};

// Row or column class of a pixel in an image of that size, for Conv::time_bias.
constexpr int border_class(int index, int size) { return index == 0 ? 0 : index == size - 1 ? 2 : 1; }

// y = sat(round(c * scale + shift)), per execution and channel. In the last norm of an ODEBlock h is folded in. In an
// online norm (NormKind::kInstance, fixed/online_norm.h) scale and shift are its gamma and beta.
struct Norm {
  std::vector<int32_t> scale;  // [executions, channels], scale format
  std::vector<int32_t> shift;  // [executions, channels], format `sum` of the convolution before
};

// A block of the kinds of spec/network_spec.h; every value has the format of its point, every sum saturates:
//   ode       steps of `method`, evaluation i of which is K_i(z) = norm2_i(conv2_i(relu(norm1_i(conv1_i z))))
//   kFull     a = relu(norm1(conv1 x)),              y = relu(sat(norm2(conv2 a) + shortcut(x)))
//   kShort    a = relu(sat(norm1(conv1 x) + shortcut(x))),  y = relu(norm2(conv2 a))
//   kNone     a = relu(norm1(conv1 x)),              y = relu(norm2(conv2 a))
// The shortcut takes every stride-th row and column; input channels come first, channels of zeros are appended; or it
// is projection_norm(projection x). With separable convolutions conv1 x is conv1(depthwise1 x), conv2 likewise: the
// depthwise result is rounded and saturated like that of any convolution. A map that is added is first aligned to the
// format of the sum; so is the input of an ODEBlock to the format of z.
struct Block {
  std::string name;  // "layer3_2.0"
  bool ode = false;
  Skip skip = Skip::kFull;
  int executions = 1;                // of an ODEBlock: evaluations
  Method method = {};                // of an ODEBlock
  int height = 0, width = 0;         // of the input
  int stride = 1;                    // of the block: of its first convolution and its shortcut
  NormKind norm = NormKind::kBatch;  // of all its norms
  std::optional<Conv> depthwise1 = {}, depthwise2 = {};
  Conv conv1, conv2;  // the pointwise ones in separable blocks
  Norm norm1, norm2;
  std::optional<Conv> projection = {};
  Norm projection_norm = {};

  int channels() const { return conv2.channels; }
  int in_channels() const { return depthwise1 ? depthwise1->in_channels : conv1.in_channels; }
  int out_height() const { return conv_size(height, stride); }
  int out_width() const { return conv_size(width, stride); }
};

// Of sums in networks of fewer bits: 32, as in Q20, so that only weights and activations lose precision.
inline constexpr Format kWideSum{32, 20};

// The formats of a network: those of everything, and exceptions by name. A name also stands for all that it is a prefix
// of, up to a dot: "layer1" for "layer1.0.hidden"; the longest one counts.
//   activations   "input"; "conv1"; for each block "<block>.hidden" and "<block>", its output, or z; behind a depthwise
//                 convolution "<block>.conv1.depthwise"; "fc", the logits (which else have the format of sums)
//   weights       "conv1", "<block>.conv1", "<block>.conv1.depthwise", "<block>.shortcut", "fc"
struct Formats {
  Format activation{32, 20}, weight{25, 20}, scale{32, 20};
  std::optional<Format> sum{};  // of a convolution before its norm, of time biases and shifts; empty: as activation
  std::map<std::string, Format, std::less<>> activations{}, weights{};

  Format activation_of(std::string_view point) const;
  Format weight_of(std::string_view layer) const;
  // `sum`, with no more fraction than the products have.
  Format sum_of(Format input, Format weight_format) const;
  Format logits(Format input) const;                                       // from the format of the last block
  bool uniform() const { return activations.empty() && weights.empty(); }  // no exceptions: what the engine can run
  bool operator==(const Formats&) const = default;
};

// Those of one convolution and its norm.
struct LayerFormats {
  Format input{}, weight{25, 20}, sum{}, scale{}, output{};
};

// A convolution of a block or network, with the norm that follows it.
template <typename ConvT, typename NormT>
struct BasicConvLayer {
  std::string name;  // "layer3_2.0.conv1", ".conv1.depthwise", ".shortcut"; "conv1"
  ConvT& conv;
  std::string norm_name;  // "layer3_2.0.norm1", ".shortcut.norm"; "conv1.norm"
  NormT* norm = nullptr;  // null after a depthwise convolution
  int executions = 1;     // of the norm's tables
  bool timed = false;     // has time biases
  bool online = false;    // the norm
  LayerFormats formats;
};
using ConvLayer = BasicConvLayer<const Conv, const Norm>;

// In the order of the network's tensors. `input`: format of the block's input; that of an ODEBlock is its own.
std::vector<ConvLayer> conv_layers(const Block& block, const Formats& formats = {}, std::optional<Format> input = {});

// metadata "format" of the file of an integer network.
inline constexpr const char* kNetworkFormat = "odenet-q";

// What `odenet quantize` measured of a network on the images of a data set, beside the float network that it is of.
struct Accuracy {
  std::string dataset, split;
  int64_t images = 0;
  double top1 = 0, float_top1 = 0;  // 0 to 1

  bool operator==(const Accuracy&) const = default;
};

struct Network : Formats {
  NetworkSpec spec;
  std::string dataset;                   // name in the table of data sets
  std::vector<std::string> class_names;  // [classes]
  std::vector<int32_t> input_table;      // [in_channels, 256]: pixel value -> normalised, in format "input"
  Conv stem;                             // "conv1"
  Norm stem_norm;
  std::vector<Block> blocks;
  std::vector<int32_t> fc_weight;  // [classes, features], weight format
  std::vector<int32_t> fc_bias;    // [classes], format of the logits
  std::optional<Accuracy> accuracy{};
  std::string made_from{};  // fingerprint of the checkpoint's tensors (core/fingerprint.h); empty: not known

  // Both check() the network; load() also refuses missing and unexpected tensors and files of another kind.
  static Network load(const std::filesystem::path& path);
  static Network from_tensors(const SafeTensors& file);
  void save(const std::filesystem::path& path) const;
  SafeTensors to_tensors() const;

  const Formats& formats() const { return *this; }
};

std::vector<ConvLayer> conv_layers(const Network& network);

// Throws Error if a rounding of fixed/arithmetic.h would have to shift to the left, or might leave 64 bits.
void check_formats(const ConvLayer& layer);

// The name under which Formats knows what fixed::Tap shows: "layer3_2.0[4].hidden" is "layer3_2.0.hidden", for an
// ODEBlock has one format for all executions, and "layer3_2.0[4].branch" is "layer3_2.0", to which it is added.
std::string format_name(std::string_view point);

// Format of the values at an observation point of fixed::Tap: "layer3_2.0[2].hidden", "pool", ...
Format format_at(const Network& network, std::string_view point);

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
