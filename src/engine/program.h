// A program of the engine: instructions, contents of its memories, and the parameters of hw/rtl/engine.v that hold
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/instruction.h"
#include "fixed/arithmetic.h"

namespace odenet::engine {

// Multiply-accumulate units: oc output channels times px neighbouring pixels, the pixels of one map word.
struct Lanes {
  int oc = 1, px = 8;

  int macs() const { return oc * px; }
  bool operator==(const Lanes&) const = default;
};

inline constexpr int kMaxPixelLanes = 8, kMaxChannelLanes = 64, kMaxMapWords = 65536;

// The parameters of hw/rtl/engine.v.
struct Parameters {
  Lanes lanes{};
  fixed::Format activation{32, 20}, weight{25, 20};
  int sum_fraction = 20, scale_fraction = 20;  // of 32 bits
  int mac_dsps = 2;                            // of a multiply-accumulate lane: 1 or 2
  int program_words = 0;
  int map_words[2] = {4, 4};  // at least 4, of lanes.px activations
  int weight_words = 0;       // of each output-channel lane
  int table_words = 0;        // channels x convolutions x executions
  int online_channels = 0;    // most channels of an online norm; 0: none
  bool single = false;        // whether an instruction has `single`
  int pool_bits = 0;          // log2 of the pixels of a channel that an average is of

  int macs() const { return lanes.macs(); }
  int finer() const { return sum_fraction - activation.fraction; }  // bits of fraction that sums have more
  int sum_shift() const { return weight.fraction - finer(); }       // by which the sums of products are rounded
  int norm_shift() const { return scale_fraction + finer(); }       // by which the norms' products are
  fixed::Format sum() const { return {32, sum_fraction}; }
};

// [C, H, W]
struct MapShape {
  int channels = 0, height = 0, width = 0;

  int size() const { return channels * height * width; }
  bool operator==(const MapShape&) const = default;
};

// The instructions from `first` to the next section's first.
struct Section {
  std::string name;  // "conv1", "layer3_2.0", "fc"
  uint32_t first = 0;
};

struct Program {
  std::string name;        // of the block, or of the network
  bool network = false;    // a whole one: images in, logits out
  int executions = 1;      // of a block
  int stages = 1;          // executions of a step: of one pass through an ODEBlock's loop
  MapShape input, output;  // of an image
  Parameters parameters;
  std::vector<Instruction> instructions;
  std::vector<Section> sections;              // of a network: its layers, in their order
  std::vector<std::vector<int32_t>> weights;  // [lanes.oc][weight_words], in the order in which the engine reads them
  std::vector<int32_t> time_bias;             // [table_words, 9]
  std::vector<int32_t> scale, shift;          // [table_words]
};

}  // namespace odenet::engine
