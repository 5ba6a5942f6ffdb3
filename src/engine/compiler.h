// Compiles one block of the integer network into a program of the engine: instructions, contents of its memories, and
// the parameters of hw/rtl/engine.v that hold them.
//
//   fixed::Network net = fixed::Network::load("q20.safetensors");
//   engine::Program program = engine::compile(net.blocks.back(), net.formats(), /*macs=*/16);
//   for (const auto& [path, text] : engine::rom_files(program)) ...   // engine/rom.h
//   int64_t cycles = engine::cycles(program).compute;                 // engine/cycles.h
//
// Supported: ODEBlocks with maps 8 pixels wide. Everything else is an Error that says what is not supported and what
// is; so are weights that break the accumulator proof (fixed/accumulator_proof.h) or do not fit 25 bits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/instruction.h"
#include "fixed/network.h"

namespace odenet::engine {

// Pixels of one map word, computed at once.
inline constexpr int kPixelLanes = 8;

// The multiply-accumulate lanes an engine can have: kPixelLanes times 1, 2, 4 or 8 output channels.
std::span<const int> valid_macs();

// The parameters of hw/rtl/engine.v.
struct Parameters {
  int oc_lanes = 1;  // output channels computed at once
  int px_lanes = kPixelLanes;
  int weight_fraction = 20, scale_fraction = 20;
  int program_words = 0;
  int map_words = 0;     // of each of the two maps, px_lanes activations a word
  int weight_words = 0;  // of each output-channel lane
  int table_words = 0;   // channels x convolutions x executions

  int macs() const { return oc_lanes * px_lanes; }
};

struct Program {
  std::string block;  // its name in the network
  int executions = 1;
  int channels = 0, height = 0, width = 0;  // of an image's input and output, [C, H, W]
  Parameters parameters;
  std::vector<Instruction> instructions;
  std::vector<std::vector<int32_t>> weights;  // [oc_lanes][weight_words], in the order in which the engine reads them
  std::vector<int32_t> time_bias;             // [table_words, 9]
  std::vector<int32_t> scale, shift;          // [table_words]

  int image_size() const { return channels * height * width; }
};

Program compile(const fixed::Block& block, const fixed::Formats& formats, int macs);

}  // namespace odenet::engine
