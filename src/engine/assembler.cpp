#include "engine/assembler.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/error.h"

namespace odenet::engine {
namespace {

constexpr int kTaps = 9, kBorderClasses = 9;

size_t idx(int64_t i) { return static_cast<size_t>(i); }

}  // namespace

Assembler::Assembler(std::string name, const Parameters& parameters) {
  program_.name = std::move(name);
  program_.parameters = parameters;
  program_.weights.resize(idx(parameters.lanes.oc));
}

uint32_t Assembler::words(const MapShape& shape) const {
  return static_cast<uint32_t>(shape.size() / program_.parameters.lanes.px);
}

void Assembler::begin_body(int height, int width, int steps, int stages) {
  height_ = height;
  width_ = width;
  steps_ = steps;
  stages_ = stages;
  stage_ = 0;
  table_base_ = static_cast<uint32_t>(program_.scale.size());
  table_size_ = 0;
  entries_.clear();
}

// [step][instruction][channel] of every convolution; of other instructions one entry.
void Assembler::end_body() {
  for (size_t step = 0; step < idx(steps_); ++step)
    for (const Entry& entry : entries_) append_table(entry, step);
  entries_.clear();
}

void Assembler::append_table(const Entry& entry, size_t step) {
  const auto append = [&](int32_t scale, int32_t shift) {
    program_.scale.push_back(scale);
    program_.shift.push_back(shift);
  };
  const auto& [conv, norm, stage, factor, bias] = entry;
  if (!conv) {
    for (size_t i = 0; i < std::max(bias.size(), size_t{1}); ++i) {
      append(factor, 0);
      program_.time_bias.insert(program_.time_bias.end(), kBorderClasses, bias.empty() ? 0 : bias[i]);
    }
    return;
  }
  for (int channel = 0; channel < conv->channels; ++channel) {
    const size_t at = (step * idx(stages_) + idx(stage)) * idx(conv->channels) + idx(channel);
    append(norm ? norm->scale[at] : one(), norm ? norm->shift[at] : 0);
    const int classes = conv->border_classes();
    for (int border = 0; border < kBorderClasses; ++border)
      program_.time_bias.push_back(
          conv->time_bias.empty() ? 0 : conv->time_bias[at * idx(classes) + idx(classes == 1 ? 0 : border)]);
  }
}

uint32_t Assembler::add_entry(Entry entry, uint32_t words) {
  entries_.push_back(std::move(entry));
  const uint32_t address = table_base_ + table_size_;
  table_size_ += words;
  return address;
}

Instruction& Assembler::add(Instruction instruction, uint32_t destination_words) {
  for (uint32_t map = 0; map < 2; ++map)
    if ((instruction.destination >> map & 1) != 0) {
      int& size = program_.parameters.map_words[map];
      size = std::max(size, static_cast<int>(instruction.destination_base + destination_words));
    }
  program_.parameters.single |= instruction.single != 0;
  program_.instructions.push_back(instruction);
  return program_.instructions.back();
}

void Assembler::load(uint32_t maps, uint32_t base, uint32_t count) {
  add({.opcode = Opcode::kLoad, .destination = maps, .count = count, .destination_base = base}, count);
}

void Assembler::convolve(const fixed::Conv& conv, const fixed::Norm* norm, const Place& place, bool online) {
  const Lanes lanes = program_.parameters.lanes;
  const auto channels = static_cast<uint32_t>(conv.channels);
  // The depthwise convolution of a stride-2 block has its stride, so that every one after it is of the output's size.
  const auto rows = static_cast<uint32_t>(height_), row_words = static_cast<uint32_t>(width_ / lanes.px);
  const uint32_t weight = weights_of(conv);
  const uint32_t table = add_entry({.conv = &conv, .norm = norm, .stage = stage_}, channels);
  add({.opcode = Opcode::kConvolve,
       .source = place.source,
       .destination = place.destination,
       .relu = place.relu,
       .add = place.add,
       .stride2 = conv.stride == 2,
       .old_stride2 = place.old_stride2,
       .pointwise = conv.kernel == 1 && conv.stride == 1,
       .depthwise = conv.depthwise,
       .online = online,
       .in_channels = conv.depthwise ? 1u : static_cast<uint32_t>(conv.in_channels),
       .count = channels / (conv.depthwise ? 1 : static_cast<uint32_t>(lanes.oc)),
       .rows = rows,
       .row_words = row_words,
       .plane = rows * row_words,
       .old_channels = !place.add           ? 0
                       : place.old_channels ? place.old_channels
                                            : channels,
       .source_base = place.source_base,
       .destination_base = place.destination_base,
       .old_base = place.old_base,
       .weight = weight,
       .table = table},
      channels * rows * row_words);
}

void Assembler::convolve_online(const fixed::Conv& conv, const fixed::Norm& norm, const Place& place, uint32_t sums) {
  convolve(conv, &norm,
           {.source = place.source, .source_base = place.source_base, .destination = kMap1, .destination_base = sums},
           /*online=*/true);
  const Instruction& convolution = program_.instructions.back();
  const auto channels = static_cast<uint32_t>(conv.channels);
  const uint32_t plane = convolution.plane, count = channels * plane;
  add({.opcode = Opcode::kCombine,
       .source = 1,
       .destination = place.destination,
       .relu = place.relu,
       .add = place.add,
       .online = 1,
       .count = count,
       .row_words = plane,
       .plane = 1,
       .old_channels = place.add ? (place.old_channels ? place.old_channels : channels) * plane : 0,
       .source_base = sums,
       .destination_base = place.destination_base,
       .old_base = place.old_base,
       .table = convolution.table},
      count);
  int& most = program_.parameters.online_channels;
  most = std::max(most, conv.channels);
}

void Assembler::combine(uint32_t source, uint32_t count, int32_t factor, uint32_t old, uint32_t destination,
                        uint32_t destination_base) {
  add({.opcode = Opcode::kCombine,
       .source = 0,
       .destination = destination,
       .add = 1,
       .count = count,
       .plane = 1,
       .old_channels = count,
       .source_base = source,
       .destination_base = destination_base,
       .old_base = old,
       .table = add_entry({.factor = factor}, 1)},
      count);
}

void Assembler::copy(uint32_t base, uint32_t count) {
  add({.opcode = Opcode::kCombine,
       .source = 0,
       .destination = kMap1,
       .count = count,
       .plane = 1,
       .source_base = base,
       .destination_base = base,
       .table = add_entry({.factor = one()}, 1)},
      count);
}

void Assembler::pool(uint32_t source, const MapShape& shape) {
  const auto pixels = static_cast<uint32_t>(shape.height * shape.width);
  program_.parameters.pool_bits = std::bit_width(pixels) - 1;
  add({.opcode = Opcode::kCombine,
       .source = 0,
       .destination = kMap1,
       .single = 1,
       .count = words(shape),
       .row_words = words({1, shape.height, shape.width}),
       .plane = 1,
       .source_base = source,
       .table = add_entry({.factor = one()}, 1)},
      static_cast<uint32_t>(shape.channels));
}

void Assembler::fully_connect(int features, int classes, std::span<const int32_t> weight,
                              std::span<const int32_t> bias) {
  const int lanes = program_.parameters.lanes.oc, groups = (classes + lanes - 1) / lanes;
  const auto address = static_cast<uint32_t>(program_.weights[0].size());
  for (int channel = 0; channel < groups * lanes; ++channel)
    for (int feature = 0; feature < features; ++feature)
      program_.weights[idx(channel % lanes)].push_back(channel < classes ? weight[idx(channel * features + feature)]
                                                                         : 0);
  Entry entry{.factor = one(), .bias = {bias.begin(), bias.end()}};
  entry.bias.resize(idx(groups * lanes));
  add({.opcode = Opcode::kConvolve,
       .source = 1,
       .destination = kMap0,
       .pointwise = 1,
       .single = 1,
       .in_channels = static_cast<uint32_t>(features),
       .count = static_cast<uint32_t>(groups),
       .rows = 1,
       .row_words = 1,
       .plane = 1,
       .weight = address,
       .table = add_entry(std::move(entry), static_cast<uint32_t>(groups * lanes))},
      static_cast<uint32_t>(groups * lanes));
}

void Assembler::loop(uint32_t body, int runs) {
  add({.opcode = Opcode::kLoop, .count = static_cast<uint32_t>(runs), .target = body, .table = table_size_}, 0);
}

void Assembler::store(uint32_t map, uint32_t base, uint32_t count, bool single) {
  add({.opcode = Opcode::kStore, .source = map, .single = single, .count = count, .source_base = base}, 0);
  add({.opcode = Opcode::kEnd}, 0);
}

// Their address: once for all stages of a method.
uint32_t Assembler::weights_of(const fixed::Conv& conv) {
  const auto [place, is_new] = weights_.try_emplace(&conv, static_cast<uint32_t>(program_.weights[0].size()));
  if (is_new) append_weights(conv);
  return place->second;
}

// Appends [group][input channel][kernel row][kernel column] of each lane's output channels, columns in the order of
// hw/rtl/window.v. A 1x1 convolution with stride 2 is a 3x3 one whose other taps are zero.
void Assembler::append_weights(const fixed::Conv& conv) {
  const bool pointwise = conv.kernel == 1 && conv.stride == 1;
  const int lanes = conv.depthwise ? 1 : program_.parameters.lanes.oc;
  const int inputs = conv.depthwise ? 1 : conv.in_channels;
  const std::array<int, 3> columns = conv.stride == 2 ? std::array{0, 2, 1} : std::array{0, 1, 2};
  for (int channel = 0; channel < conv.channels; ++channel) {
    auto& lane = program_.weights[idx(channel % lanes)];
    for (int input = 0; input < inputs; ++input) {
      const size_t first = idx((channel * inputs + input) * conv.kernel * conv.kernel);
      if (pointwise) {
        lane.push_back(conv.weight[first]);
        continue;
      }
      for (int row = 0; row < 3; ++row)
        for (const int column : columns)
          lane.push_back(conv.kernel == 3            ? conv.weight[first + idx(3 * row + column)]
                         : (row == 1 && column == 1) ? conv.weight[first]
                                                     : 0);
    }
  }
  for (auto& lane : program_.weights) lane.resize(program_.weights[0].size());  // depthwise: lane 0 works alone
}

Program Assembler::finish() {
  Parameters& parameters = program_.parameters;
  for (const int words : parameters.map_words)
    if (words > kMaxMapWords)
      throw Error("{}: a map of {} words, {} pixels each; the engine's maps have at most {}; choose more pixel lanes",
                  program_.name, words, parameters.lanes.px, kMaxMapWords);
  parameters.program_words = static_cast<int>(program_.instructions.size());
  parameters.table_words = static_cast<int>(program_.scale.size());
  // A memory of one convolution without taps outside the image is still as large as the engine asks for.
  parameters.weight_words = std::max(static_cast<int>(program_.weights[0].size()), kTaps);
  for (auto& lane : program_.weights) lane.resize(idx(parameters.weight_words));
  for (const Instruction& instruction : program_.instructions) encode(instruction);  // throws if a field overflows
  return std::move(program_);
}

}  // namespace odenet::engine
