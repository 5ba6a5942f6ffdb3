#include "engine/cycles.h"

#include <algorithm>

#include "core/error.h"

namespace odenet::engine {
namespace {

// hw/rtl/sequencer.v: states before a unit runs.
constexpr int64_t kFetch = 3;         // FETCH, FETCHED, DECODE
constexpr int64_t kStart = 1;         // START
constexpr int64_t kTableAddress = 2;  // TABLE, BIAS
// hw/rtl/engine.v: from a tile's last step to the first selection of its finished sums; pointwise steps skip two
// stages.
constexpr int64_t kMacPipeline = 8, kPointwisePipeline = 6;
// hw/rtl/walker.v: the least distance of two tiles' last steps.
constexpr int64_t kShortestTile = 8;
// hw/rtl/write_back.v: from the selection of an output to the cycle in which its word is written.
constexpr int64_t kWriteBackPipeline = 14;
// hw/rtl/moments.v: from the selection of an output to the cycle in which its channel is seen to be complete.
constexpr int64_t kMomentsPipeline = 11;
// hw/rtl/online_norm.v: mean and scale of a channel, besides a cycle for each bit of the activations' fraction.
constexpr int64_t kOnlineNorm = 169;
// hw/rtl/sequencer.v: sees that no unit is running any more.
constexpr int64_t kFinish = 1;
// hw/rtl/loader.v: from a word's last beat to running falling.
constexpr int64_t kLoadPipeline = 1;
// hw/rtl/storer.v: from its start to the first beat.
constexpr int64_t kStorePipeline = 2;

int64_t convolve_cycles(const Instruction& i, const Parameters& parameters) {
  const int64_t write_back = i.depthwise != 0 ? parameters.lanes.px : parameters.macs();
  const int64_t tile_at_least = std::max(write_back, kShortestTile);
  int64_t group = 0, waited = 0;  // steps of a group of output channels; the very first tile waits for none
  for (uint32_t row = 0; row < i.rows; ++row) {
    const int64_t kernel_rows = 3 - (row == 0) - (row == i.rows - 1 && i.stride2 == 0);
    const int64_t tile_steps = i.in_channels * (i.pointwise != 0 ? 1 : 3 * kernel_rows);
    group += i.row_words * std::max(tile_steps, tile_at_least);
    if (row == 0) waited = std::max(tile_steps, tile_at_least) - tile_steps;
  }
  const int64_t pipeline = (i.pointwise != 0 ? kPointwisePipeline : kMacPipeline) - 1;
  int64_t end = i.count * group - waited + pipeline + write_back + kWriteBackPipeline;
  if (i.online != 0) {  // its channels' norms follow one after another, each as soon as it is complete
    end = 0;
    for (int64_t done = 1; done <= i.count; ++done) {
      const int64_t complete = done * group - waited + pipeline + parameters.lanes.px + kMomentsPipeline;
      end = std::max(end, complete) + parameters.lanes.oc * (kOnlineNorm + parameters.activation.fraction);
    }
  }
  return kFetch + kTableAddress + kStart + end + kFinish;
}

int64_t combine_cycles(const Instruction& i, const Parameters& parameters) {
  return kFetch + kTableAddress + kStart + int64_t{i.count} * parameters.lanes.px + kWriteBackPipeline + kFinish;
}

// What an instruction of a loop's body takes; nothing for others.
int64_t body_cycles(const Instruction& i, const Parameters& parameters) {
  return i.opcode == Opcode::kConvolve  ? convolve_cycles(i, parameters)
         : i.opcode == Opcode::kCombine ? combine_cycles(i, parameters)
                                        : 0;
}

int64_t loop_body(const Program& program, size_t first, size_t last) {
  int64_t total = kFetch;  // the loop instruction
  for (size_t i = first; i < last; ++i) total += body_cycles(program.instructions[i], program.parameters);
  return total;
}

int64_t compute_cycles(const Program& program, size_t first, size_t last) {
  int64_t total = 0;
  for (size_t i = first; i < last; ++i) {
    const Instruction& instruction = program.instructions[i];
    total += body_cycles(instruction, program.parameters);
    if (instruction.opcode == Opcode::kLoop)  // the first pass is counted already
      total += kFetch + (int64_t{instruction.count} - 1) * loop_body(program, instruction.target, i);
    if (instruction.opcode == Opcode::kStore) total += kFetch + kStart;
  }
  return total;
}

}  // namespace

Cycles cycles(const Program& program) {
  Cycles result{.compute = compute_cycles(program, 0, program.instructions.size())};
  for (const Instruction& instruction : program.instructions) {
    const int64_t beats = int64_t{instruction.count} * (instruction.single != 0 ? 1 : program.parameters.lanes.px);
    switch (instruction.opcode) {
      case Opcode::kLoad:  // counted from the first beat
        result.load += beats + kLoadPipeline + kFinish;
        break;
      case Opcode::kConvolve:
      case Opcode::kCombine:
      case Opcode::kLoop:
        break;
      case Opcode::kStore:
        result.store += kStorePipeline + beats + kFinish;
        break;
      case Opcode::kEnd:
        result.store += kFetch - 1;
        break;  // its last cycle ends the image
    }
  }
  return result;
}

int64_t step_cycles(const Program& program) {
  int64_t total = 0;
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    if (instruction.opcode == Opcode::kLoop) return loop_body(program, instruction.target, i);
    total += body_cycles(instruction, program.parameters);
  }
  return total;
}

std::vector<int64_t> section_cycles(const Program& program) {
  std::vector<int64_t> result;
  for (size_t s = 0; s < program.sections.size(); ++s) {
    const size_t last = s + 1 < program.sections.size() ? program.sections[s + 1].first : program.instructions.size();
    result.push_back(compute_cycles(program, program.sections[s].first, last));
  }
  return result;
}

int64_t multiply_adds(const Program& program) {
  int64_t total = 0;
  std::vector<int64_t> before;  // instruction -> total
  for (const Instruction& i : program.instructions) {
    before.push_back(total);
    if (i.opcode == Opcode::kConvolve)
      total += int64_t{i.in_channels} * i.count * (i.depthwise != 0 ? 1 : program.parameters.lanes.oc) *
               (i.pointwise != 0 ? 1 : 9) * i.plane * (i.single != 0 ? 1 : program.parameters.lanes.px);
    else if (i.opcode == Opcode::kLoop)  // the first pass is counted already
      total += (int64_t{i.count} - 1) * (total - before[i.target]);
  }
  return total;
}

}  // namespace odenet::engine
