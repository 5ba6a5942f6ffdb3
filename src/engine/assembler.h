// Puts a program together: appends instructions, and to the memories what they read.
//
//   Assembler assembler("layer3_2.0", parameters);
//   assembler.begin_body({8, 8}, executions);                  // of maps of 8 x 8; opens the tables of a block
//   assembler.load(kMap0, 0, words);
//   assembler.convolve(block.conv1, &block.norm1, {.source = 0, .destination = kMap1, .relu = true});
//   assembler.end_body();
//   Program program = assembler.finish();
//
// Bases and sizes are counted in map words. Maps and memories grow with what instructions use of them.
#pragma once

#include <map>

#include "engine/program.h"
#include "fixed/network.h"

namespace odenet::engine {

// Where a convolution's values come from and go to.
struct Place {
  uint32_t source = 0, source_base = 0;
  uint32_t destination = 0, destination_base = 0;
  bool relu = false, add = false;
  uint32_t old_base = 0, old_channels = 0;  // 0: all
  bool old_stride2 = false;
};

class Assembler {
 public:
  Assembler(std::string name, const Parameters& parameters);

  const Parameters& parameters() const { return program_.parameters; }
  uint32_t words(const MapShape& shape) const;
  uint32_t position() const { return static_cast<uint32_t>(program_.instructions.size()); }

  // Instructions whose convolutions give maps of that size. Their tables hold `steps` sets of entries, of each set one
  // for each of the instructions in their order, as the loop around them finds them; with `stages` executions a step.
  void begin_body(int height, int width, int steps = 1, int stages = 1);
  void end_body();
  void set_stage(int stage) { stage_ = stage; }  // of the tables of the following convolutions

  void load(uint32_t maps, uint32_t base, uint32_t count);

  // A convolution and its norm, if any; `online`: the sums before an online norm.
  void convolve(const fixed::Conv& conv, const fixed::Norm* norm, const Place& place, bool online = false);

  // A convolution and its online norm, with the sums between the two in map 1 from `sums` on.
  void convolve_online(const fixed::Conv& conv, const fixed::Norm& norm, const Place& place, uint32_t sums);

  // destination <- old map's values from `old` on + K * factor, with K in map 0 from `source` on.
  void combine(uint32_t source, uint32_t count, int32_t factor, uint32_t old, uint32_t destination,
               uint32_t destination_base);

  // Map 1 <- map 0, both from `base` on.
  void copy(uint32_t base, uint32_t count);

  // Map 1 from 0 on <- the average of each channel of map 0 from `source` on, a word each.
  void pool(uint32_t source, const MapShape& shape);

  // Map 0 from 0 on <- weight * (word of a channel in map 1) + bias, a word of 32 bits each; whole groups of lanes.
  void fully_connect(int features, int classes, std::span<const int32_t> weight, std::span<const int32_t> bias);

  void loop(uint32_t body, int runs);

  // The end of the program.
  void store(uint32_t map, uint32_t base, uint32_t count, bool single = false);

  Program finish();

 private:
  // What an instruction finds in the tables: those of a convolution's norm in one stage, one factor, or biases.
  struct Entry {
    const fixed::Conv* conv = nullptr;
    const fixed::Norm* norm = nullptr;
    int stage = 0;
    int32_t factor = 0;
    std::vector<int32_t> bias{};
  };

  Instruction& add(Instruction instruction, uint32_t destination_words);
  int32_t one() const { return int32_t{1} << program_.parameters.scale_fraction; }
  uint32_t add_entry(Entry entry, uint32_t words);
  void append_table(const Entry& entry, size_t step);
  uint32_t weights_of(const fixed::Conv& conv);
  void append_weights(const fixed::Conv& conv);

  Program program_;
  int height_ = 0, width_ = 0, steps_ = 1, stages_ = 1, stage_ = 0;
  uint32_t table_base_ = 0;     // of the body
  uint32_t table_size_ = 0;     // of one step of it
  std::vector<Entry> entries_;  // of one step
  std::map<const fixed::Conv*, uint32_t> weights_;
};

}  // namespace odenet::engine
