#include "engine/compiler.h"

#include <algorithm>

#include "core/error.h"
#include "fixed/accumulator_proof.h"

namespace odenet::engine {
namespace {

constexpr int kActivationWidth = 32, kWeightWidth = 25, kScaleWidth = 32;
constexpr int kTaps = 9;
constexpr int kMacs[] = {kPixelLanes, 2 * kPixelLanes, 4 * kPixelLanes, 8 * kPixelLanes};
enum Map : uint32_t { kZ = 0, kHidden = 1 };

size_t idx(int64_t i) { return static_cast<size_t>(i); }

[[noreturn]] void unsupported(const fixed::Block& block, const std::string& why) {
  throw Error("block {}: {}; the engine runs ODEBlocks with maps {} pixels wide", block.name, why, kPixelLanes);
}

void require_supported(const fixed::Block& block, const fixed::Formats& formats, int macs) {
  if (std::find(std::begin(kMacs), std::end(kMacs), macs) == std::end(kMacs))
    throw Error("{} multiply-accumulate lanes: an engine has {}", macs, fmt::join(kMacs, ", "));
  if (!block.ode) unsupported(block, "it is a residual block");
  if (block.depthwise1) unsupported(block, "its convolutions are depthwise separable");
  if (block.conv1.stride != 1 || block.conv2.stride != 1) unsupported(block, "it has stride 2");
  if (block.width != kPixelLanes) unsupported(block, fmt::format("its maps are {} pixels wide", block.width));
  if (block.height < 2) unsupported(block, fmt::format("its maps have {} row", block.height));
  const int channels = block.conv1.channels, lanes = macs / kPixelLanes;
  if (channels % lanes != 0)
    throw Error("block {}: {} channels cannot be computed {} at a time; choose fewer multiply-accumulate lanes than {}",
                block.name, channels, lanes, macs);
  if (formats.activation.width != kActivationWidth)
    unsupported(block, fmt::format("its activations have {} bits, not {}", formats.activation.width, kActivationWidth));
  if (formats.weight.width > kWeightWidth || formats.scale.width > kScaleWidth)
    unsupported(block, fmt::format("its weights have {} and its scales {} bits, more than {} and {}",
                                   formats.weight.width, formats.scale.width, kWeightWidth, kScaleWidth));
}

// The memories of a program are copied from these; a length that does not fit the block would be an engine that is
// wrong.
void require_consistent(const fixed::Block& block, const fixed::Formats& formats) {
  const int channels = block.conv1.channels;
  const auto expect = [&](const char* what, int64_t found, int64_t expected) {
    if (found != expected) throw Error("block {}: {} is {}, expected {}", block.name, what, found, expected);
  };
  const auto expect_conv = [&](const fixed::Conv& conv, const fixed::Norm& norm) {
    expect("input channels of a convolution", conv.in_channels, channels);
    expect("channels of a convolution", conv.channels, channels);
    expect("weights of a convolution", std::ssize(conv.weight), int64_t{channels} * channels * kTaps);
    expect("time biases of a convolution", std::ssize(conv.time_bias), int64_t{block.executions} * channels * kTaps);
    expect("scales of a norm", std::ssize(norm.scale), int64_t{block.executions} * channels);
    expect("shifts of a norm", std::ssize(norm.shift), int64_t{block.executions} * channels);
    for (size_t i = 0; i < conv.weight.size(); ++i)
      if (!formats.weight.contains(conv.weight[i]))
        throw Error("block {}.{}: weight {} of channel {} does not fit {}", block.name,
                    &conv == &block.conv1 ? "conv1" : "conv2", conv.weight[i], i / idx(channels * kTaps),
                    fixed::describe(formats.weight));
  };
  if (block.executions < 1 || channels < 1) throw Error("block {}: has no executions or no channels", block.name);
  expect_conv(block.conv1, block.norm1);
  expect_conv(block.conv2, block.norm2);
}

// Appends [group][input channel][tap] of each lane's output channels.
void append_weights(const fixed::Conv& conv, Program& program) {
  const int lanes = program.parameters.oc_lanes, stride = conv.in_channels * kTaps;
  for (int channel = 0; channel < conv.channels; ++channel) {
    auto& lane = program.weights[idx(channel % lanes)];
    const auto first = conv.weight.begin() + int64_t{channel} * stride;
    lane.insert(lane.end(), first, first + stride);
  }
}

void append_tables(const fixed::Conv& conv, const fixed::Norm& norm, int execution, Program& program) {
  const auto append = [&](const std::vector<int32_t>& from, int size, std::vector<int32_t>& to) {
    const auto first = from.begin() + int64_t{execution} * size;
    to.insert(to.end(), first, first + size);
  };
  append(conv.time_bias, conv.channels * kTaps, program.time_bias);
  append(norm.scale, conv.channels, program.scale);
  append(norm.shift, conv.channels, program.shift);
}

}  // namespace

std::span<const int> valid_macs() { return kMacs; }

Program compile(const fixed::Block& block, const fixed::Formats& formats, int macs) {
  require_supported(block, formats, macs);
  require_consistent(block, formats);
  fixed::require_accumulators_fit(block, formats);

  Program program;
  program.block = block.name;
  program.executions = block.executions;
  program.channels = block.conv1.channels;
  program.height = block.height;
  program.width = block.width;
  Parameters& parameters = program.parameters;
  parameters.oc_lanes = macs / kPixelLanes;
  parameters.weight_fraction = formats.weight.fraction;
  parameters.scale_fraction = formats.scale.fraction;
  program.weights.resize(idx(parameters.oc_lanes));

  append_weights(block.conv1, program);
  const auto second_weight = static_cast<uint32_t>(program.weights[0].size());
  append_weights(block.conv2, program);
  for (int i = 0; i < block.executions; ++i) {
    append_tables(block.conv1, block.norm1, i, program);
    append_tables(block.conv2, block.norm2, i, program);
  }

  const auto channels = static_cast<uint32_t>(program.channels), height = static_cast<uint32_t>(program.height);
  const uint32_t words = channels * height;
  Instruction hidden{.opcode = Opcode::kConvolve,
                     .source = kZ,
                     .destination = kHidden,
                     .relu = 1,
                     .in_channels = channels,
                     .count = channels / static_cast<uint32_t>(parameters.oc_lanes),
                     .height = height};
  Instruction step = hidden;
  step.source = kHidden;
  step.destination = kZ;
  step.relu = 0;
  step.add = 1;
  step.weight = second_weight;
  step.table = channels;
  program.instructions = {
      {.opcode = Opcode::kLoad, .destination = kZ, .count = words},
      hidden,
      step,
      {.opcode = Opcode::kLoop, .count = static_cast<uint32_t>(block.executions), .table = 2 * channels, .target = 1},
      {.opcode = Opcode::kStore, .source = kZ, .count = words},
      {.opcode = Opcode::kEnd},
  };

  parameters.program_words = static_cast<int>(program.instructions.size());
  // The engine counts rows in the width of a map address, so one channel needs a bit more than its rows.
  parameters.map_words = std::max(program.channels, 2) * program.height;
  parameters.weight_words = static_cast<int>(program.weights[0].size());
  parameters.table_words = static_cast<int>(program.scale.size());
  for (const Instruction& instruction : program.instructions) encode(instruction);  // throws if a field overflows
  return program;
}

}  // namespace odenet::engine
