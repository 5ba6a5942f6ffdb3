// The engine in C++: executes a program instruction by instruction, on maps of pixels, one product at a time. It equals
// fixed::BlockRunner for compiled blocks, fixed::Runner for compiled networks and hw/rtl/engine.v for every program, in
// every bit and every saturation.
//
//   engine::Model model(program);
//   std::vector<int32_t> zt = model.run(z0);     // one image, [C, H, W]
//   model.saturations()                          // of that image
//
// Throws Error for a program that reads or writes outside its memories.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/program.h"
#include "fixed/online_norm.h"

namespace odenet::engine {

class Model {
 public:
  explicit Model(const Program& program) : program_(program) {}

  std::vector<int32_t> run(std::span<const int32_t> input);
  int64_t saturations() const { return saturations_; }

 private:
  void convolve(const Instruction& instruction, size_t table);
  void combine(const Instruction& instruction, size_t table);
  void pool(const Instruction& instruction, size_t table);
  // The write-back of one value c of lane `channel`: norm, old value, ReLU.
  int32_t finish(const Instruction& instruction, int64_t value, int64_t scale, size_t table, size_t old_pixel,
                 uint32_t channel);
  void write(const Instruction& instruction, size_t pixel, int32_t value);
  // A map word, from `pixel` on, whose lowest 32 bits are `value` and whose others are zero.
  void write_word(const Instruction& instruction, size_t pixel, int32_t value);
  int32_t read_word(uint32_t map, size_t pixel) const;

  const Program& program_;
  std::array<std::vector<int32_t>, 2> maps_;  // pixels, [words * px]
  std::vector<fixed::OnlineScale> norms_;     // of the last online convolution's channels
  int64_t saturations_ = 0;
};

}  // namespace odenet::engine
