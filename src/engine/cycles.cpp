#include "engine/cycles.h"

#include <algorithm>

#include "core/error.h"

namespace odenet::engine {
namespace {

// hw/rtl/sequencer.v: states before a unit runs.
constexpr int64_t kFetch = 3;         // FETCH, FETCHED, DECODE
constexpr int64_t kStart = 1;         // START
constexpr int64_t kTableAddress = 2;  // TABLE, BIAS
// hw/rtl/engine.v: from a tile's last step to the first selection of its captured sums.
constexpr int64_t kMacPipeline = 6;
// hw/rtl/write_back.v: from the selection of an output to the cycle in which its word is written.
constexpr int64_t kWriteBackPipeline = 14;
// hw/rtl/sequencer.v: sees that no unit is running any more.
constexpr int64_t kFinish = 1;
// hw/rtl/loader.v: from a word's last beat to running falling.
constexpr int64_t kLoadPipeline = 1;
// hw/rtl/storer.v: from its start to the first beat.
constexpr int64_t kStorePipeline = 2;

int64_t convolve_cycles(const Instruction& instruction, const Parameters& parameters) {
  const int64_t rows = instruction.height, write_back = parameters.macs();
  int64_t steps = 0;
  for (int64_t tile = 0; tile < instruction.count * rows; ++tile) {
    const int64_t row = tile % rows;
    const int64_t kernel_rows = 3 - (row == 0) - (row == rows - 1);
    const int64_t tile_steps = instruction.in_channels * kernel_rows * 3;
    steps += tile == 0 ? tile_steps : std::max(tile_steps, write_back);  // captured sums must have been read
  }
  return kFetch + kTableAddress + kStart + steps + kMacPipeline - 1 + write_back + kWriteBackPipeline + kFinish;
}

int64_t loop_body(const Program& program, size_t first, size_t last) {
  int64_t total = kFetch;  // the loop instruction
  for (size_t i = first; i < last; ++i) {
    if (program.instructions[i].opcode != Opcode::kConvolve)
      throw Error("cycle model: {} inside a loop", name_of(program.instructions[i].opcode));
    total += convolve_cycles(program.instructions[i], program.parameters);
  }
  return total;
}

}  // namespace

Cycles cycles(const Program& program) {
  Cycles result;
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    const int64_t beats = int64_t{instruction.count} * program.parameters.px_lanes;
    switch (instruction.opcode) {
      case Opcode::kLoad:  // counted from the first beat
        result.load += beats + kLoadPipeline + kFinish;
        break;
      case Opcode::kConvolve:
        result.compute += convolve_cycles(instruction, program.parameters);
        break;
      case Opcode::kLoop:  // the first pass is counted already
        result.compute += kFetch + (int64_t{instruction.count} - 1) * loop_body(program, instruction.target, i);
        break;
      case Opcode::kStore:
        result.compute += kFetch + kStart;
        result.store += kStorePipeline + beats + kFinish;
        break;
      case Opcode::kEnd:
        result.store += kFetch - 1;
        break;  // its last cycle ends the image
    }
  }
  return result;
}

int64_t execution_cycles(const Program& program) {
  for (size_t i = 0; i < program.instructions.size(); ++i)
    if (program.instructions[i].opcode == Opcode::kLoop) return loop_body(program, program.instructions[i].target, i);
  throw Error("cycle model: the program of block {} has no loop", program.block);
}

int64_t multiply_adds(const Program& program) {
  return int64_t{2} * program.executions * program.channels * program.channels * 9 * program.height * program.width;
}

}  // namespace odenet::engine
