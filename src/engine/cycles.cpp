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

// What one run of an instruction takes of compute_cycles.
int64_t compute_cycles(const Instruction& i, const Parameters& parameters) {
  switch (i.opcode) {
    case Opcode::kConvolve:
      return convolve_cycles(i, parameters);
    case Opcode::kCombine:
      return combine_cycles(i, parameters);
    case Opcode::kLoop:
      return kFetch;
    case Opcode::kStore:
      return kFetch + kStart;
    case Opcode::kLoad:
    case Opcode::kEnd:
      return 0;
  }
  return 0;
}

// How often each instruction runs, an image.
std::vector<int64_t> runs_of(const Program& program) {
  std::vector<int64_t> runs(program.instructions.size(), 1);
  for (size_t i = 0; i < runs.size(); ++i)
    if (const Instruction& loop = program.instructions[i]; loop.opcode == Opcode::kLoop)
      for (size_t k = loop.target; k <= i; ++k) runs[k] *= loop.count;
  return runs;
}

int64_t compute_cycles(const Program& program, size_t first, size_t last) {
  const std::vector<int64_t> runs = runs_of(program);
  int64_t total = 0;
  for (size_t i = first; i < last; ++i) total += runs[i] * compute_cycles(program.instructions[i], program.parameters);
  return total;
}

// Cycles of one run in which lanes multiply, summed over the lanes that do.
int64_t lane_cycles(const Instruction& i, const Lanes& lanes) {
  if (i.opcode != Opcode::kConvolve) return 0;
  const int64_t outside = 1 + (i.stride2 == 0 ? 1 : 0);  // kernel rows of the first and the last output row
  const int64_t kernel_rows = i.pointwise != 0 ? i.rows : 3 * int64_t{i.rows} - outside;
  return i.count * i.row_words * i.in_channels * kernel_rows * (i.pointwise != 0 ? 1 : 3) *
         (i.depthwise != 0 ? lanes.px : lanes.macs());
}

// Of those runs of instructions for which `counts` holds; nothing if there are none.
template <typename Counts>
std::optional<double> lanes_used_in(const Program& program, const Counts& counts) {
  const std::vector<int64_t> runs = runs_of(program);
  const Parameters& parameters = program.parameters;
  int64_t used = 0, all = 0;
  for (size_t i = 0; i < runs.size(); ++i)
    if (const Instruction& instruction = program.instructions[i]; counts(instruction)) {
      used += runs[i] * lane_cycles(instruction, parameters.lanes);
      all += runs[i] * compute_cycles(instruction, parameters) * parameters.macs();
    }
  if (all == 0) return {};
  return static_cast<double>(used) / static_cast<double>(all);
}

int64_t multiply_adds(const Instruction& i, const Lanes& lanes) {
  if (i.opcode != Opcode::kConvolve) return 0;
  return int64_t{i.in_channels} * i.count * (i.depthwise != 0 ? 1 : lanes.oc) * (i.pointwise != 0 ? 1 : 9) * i.plane *
         (i.single != 0 ? 1 : lanes.px);
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
    if (instruction.opcode == Opcode::kLoop)
      return compute_cycles(program, instruction.target, i + 1) / instruction.count;
    if (instruction.opcode != Opcode::kStore) total += compute_cycles(instruction, program.parameters);
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
  const std::vector<int64_t> runs = runs_of(program);
  int64_t total = 0;
  for (size_t i = 0; i < runs.size(); ++i)
    total += runs[i] * multiply_adds(program.instructions[i], program.parameters.lanes);
  return total;
}

double lanes_used(const Program& program) {
  return lanes_used_in(program, [](const Instruction&) { return true; }).value_or(0);
}

std::optional<double> depthwise_lanes_used(const Program& program) {
  return lanes_used_in(program, [](const Instruction& i) { return i.depthwise != 0; });
}

}  // namespace odenet::engine
