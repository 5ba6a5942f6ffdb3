// The exact cycle model: predicts the cycle counters of hw/rtl/engine.v, which counts what hw/README.md defines.
//
//   engine::Cycles image = engine::cycles(program);
//   image.compute                              // = the engine's compute_cycles, always
//   engine::step_cycles(program)               // of one pass through the loop
//   engine::microseconds(image.compute, 100)   // at 100 MHz
//
// load and store are those of a host that is never late.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/program.h"

namespace odenet::engine {

struct Cycles {
  int64_t load = 0, compute = 0, store = 0;
};

Cycles cycles(const Program& program);

// Of a block. One step: one pass through the loop of an ODEBlock with the loop instruction, the convolutions of any
// other block.
int64_t step_cycles(const Program& program);

// Those of each section of a network, in their order.
std::vector<int64_t> section_cycles(const Program& program);

// Multiply-adds of one image that lie inside it or touch its padding, as the literature counts them: C * C' * 9 * H * W
// for each 3x3 convolution.
int64_t multiply_adds(const Program& program);

// The share of the multiply-accumulate lanes' cycles, while an image is computed, in which they multiply.
double lanes_used(const Program& program);

// The same of the depthwise convolutions alone, which have one channel at a time; nothing without.
std::optional<double> depthwise_lanes_used(const Program& program);

inline double microseconds(int64_t cycles, double megahertz) { return static_cast<double>(cycles) / megahertz; }

}  // namespace odenet::engine
