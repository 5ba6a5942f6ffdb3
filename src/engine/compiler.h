// Compiles one block of the integer network into a program of the engine: instructions, contents of its memories, and
// the parameters of hw/rtl/engine.v that hold them.
//
//   fixed::Network net = fixed::Network::load("q20.safetensors");
//   engine::Program program = engine::compile(net.blocks.back(), net.formats(), /*macs=*/16);
//   for (const auto& [path, text] : engine::rom_files(program)) ...   // engine/rom.h
//   int64_t cycles = engine::cycles(program).compute;                 // engine/cycles.h
//
// ODEBlocks of Euler's and Runge-Kutta steps and blocks with full, short and no skips, of stride 1 and 2, plain or
// depthwise separable, with batch or instance norms. What an engine cannot run is an Error that says why: rows that are
// no whole number of map words, channels that are no multiple of the channel lanes, odd sizes with stride 2, memories
// larger than those of the XC7Z020, weights that break the accumulator proof (fixed/accumulator_proof.h), formats of
// single layers, activations of less than 8 or weights of more than 25 bits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/instruction.h"
#include "fixed/network.h"

namespace odenet::engine {

// Multiply-accumulate units: oc output channels times px neighbouring pixels, the pixels of one map word.
struct Lanes {
  int oc = 1, px = 8;

  int macs() const { return oc * px; }
  bool operator==(const Lanes&) const = default;
};

inline constexpr int kMaxPixelLanes = 8, kMaxChannelLanes = 64;

// The numbers of multiply-accumulate units for which an engine is made: 1, 2, 4, ... 64.
std::span<const int> valid_macs();

// The fastest arrangement of so many units: as many neighbouring pixels as the block's rows allow.
Lanes choose_lanes(const fixed::Block& block, int macs);

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

struct Program {
  std::string block;  // its name in the network
  int executions = 1;
  int stages = 1;          // executions of a step: of one pass through an ODEBlock's loop
  MapShape input, output;  // of an image
  Parameters parameters;
  std::vector<Instruction> instructions;
  std::vector<std::vector<int32_t>> weights;  // [lanes.oc][weight_words], in the order in which the engine reads them
  std::vector<int32_t> time_bias;             // [table_words, 9]
  std::vector<int32_t> scale, shift;          // [table_words]
};

Program compile(const fixed::Block& block, const fixed::Formats& formats, int macs);
Program compile(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes);

}  // namespace odenet::engine
