// Random programs of the engine: chains of random instructions on random shapes, with everything that an instruction
// can say, as no compiler would write them.
//
//   RandomProgram random({.oc = 2, .px = 4}, /*seed=*/1);
//   random.program, random.images(2)
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "engine/program.h"
#include "fixed/network.h"

namespace odenet::engine::testing {

inline constexpr int kPoolBits = 5;

// Whether a map word holds the 32 bits of a single value.
inline bool single_fits(Lanes lanes, const fixed::Formats& formats) {
  return lanes.px * formats.activation.width >= 32;
}

// The memories of the engine that runs all programs of these lanes.
inline Parameters random_program_parameters(Lanes lanes, const fixed::Formats& formats = {}) {
  const auto [narrow, wide] = std::minmax(formats.activation.width, formats.weight.width);
  return {.lanes = lanes,
          .activation = formats.activation,
          .weight = formats.weight,
          .sum_fraction = formats.sum_of(formats.activation, formats.weight).fraction,
          .mac_dsps = narrow <= 18 && wide <= 25 ? 1 : 2,
          .program_words = 16,
          .map_words = {1024, 768},
          .weight_words = 1024,
          .table_words = 512,
          .online_channels = formats.sum ? 0 : 64,
          .single = single_fits(lanes, formats),
          .pool_bits = kPoolBits};
}

class RandomProgram {
 public:
  RandomProgram(Lanes lanes, uint32_t seed, const fixed::Formats& formats = {}) : random_(seed) {
    program.name = "random";
    program.parameters = random_program_parameters(lanes, formats);
    extreme_ = chance(3);
    const uint32_t px = static_cast<uint32_t>(lanes.px);
    // Values, whose shapes are in words, are kept apart in their maps; a further one is written behind all others.
    Value x{.maps = 1 + below(3), .channels = channels(6)};
    x.rows = 1 + below(6);
    x.row_words = 1 + below(std::max(1u, 16 / px));
    if (chance(2)) x.rows = (x.rows + 1) / 2 * 2, x.row_words = (x.row_words + 1) / 2 * 2;  // for stride 2
    place(x);
    program.input = shape(x);
    program.instructions.push_back(
        {.opcode = Opcode::kLoad, .destination = x.maps, .count = x.words(), .destination_base = x.base});

    // A loop's body comes first, or after some instructions.
    const uint32_t instructions = 1 + below(4), body = below(3);
    const uint32_t runs = 1 + below(3);
    bool looped = false;
    for (uint32_t n = 0; n < instructions; ++n) {
      if (n == body) first_of_loop_ = position();
      add_instruction();
      if (n >= body && !looped && chance(2)) {
        looped = true;
        program.instructions.push_back(
            {.opcode = Opcode::kLoop, .count = runs, .target = first_of_loop_, .table = below(16)});
        table_size_ += 16 * runs;
      }
    }
    const Value& result = values_[below(values_.size())];
    program.output = shape(result);
    const bool single = program.parameters.single && chance(4);
    if (single) program.output = {static_cast<int>(result.words()), 1, 1};
    program.instructions.push_back({.opcode = Opcode::kStore,
                                    .source = map_of(result),
                                    .single = single,
                                    .count = result.words(),
                                    .source_base = result.base});
    program.instructions.push_back({.opcode = Opcode::kEnd});
    fill();
  }

  Program program;

  std::vector<int32_t> images(int count) {
    std::vector<int32_t> values(static_cast<size_t>(count * program.input.size()));
    const fixed::Format format = program.parameters.activation;
    for (int32_t& value : values)
      value = number(extreme_ ? format.width : std::min(format.width, format.fraction + 3), format.width);
    return values;
  }

 private:
  struct Value {
    uint32_t maps = 1;  // that hold it, from word `base` on
    uint32_t channels = 1, rows = 1, row_words = 1, base = 0;

    uint32_t plane() const { return rows * row_words; }
    uint32_t words() const { return channels * plane(); }
  };

  uint32_t below(size_t limit) { return static_cast<uint32_t>(random_() % limit); }
  bool chance(uint32_t n) { return below(n) == 0; }
  uint32_t position() const { return static_cast<uint32_t>(program.instructions.size()); }
  uint32_t map_of(const Value& value) { return value.maps == kBothMaps ? below(2) : value.maps == kMap1; }

  uint32_t channels(uint32_t most) { return 1 + below(most); }

  MapShape shape(const Value& v) const {
    return {static_cast<int>(v.channels), static_cast<int>(v.rows),
            static_cast<int>(v.row_words) * program.parameters.lanes.px};
  }

  bool place(Value& value) {
    value.base = 0;
    for (int map = 0; map < 2; ++map)
      if ((value.maps >> map & 1) != 0) value.base = std::max(value.base, used_[map]);
    value.base += chance(2) ? 0 : below(5);
    for (int map = 0; map < 2; ++map)
      if ((value.maps >> map & 1) != 0 &&
          value.base + value.words() > static_cast<uint32_t>(program.parameters.map_words[map]))
        return false;
    for (int map = 0; map < 2; ++map)
      if ((value.maps >> map & 1) != 0) used_[map] = value.base + value.words();
    values_.push_back(value);
    return true;
  }

  void add_instruction() {
    const Value source = values_[below(values_.size())];
    Instruction i{.opcode = chance(4) ? Opcode::kCombine : Opcode::kConvolve, .source = map_of(source)};
    i.source_base = source.base;
    i.relu = below(2);
    Value result = source;
    result.maps = 1 + below(3);
    uint32_t weights = 0, entries = 1;
    if (i.opcode == Opcode::kConvolve) {
      const auto oc = static_cast<uint32_t>(program.parameters.lanes.oc);
      i.stride2 = source.rows % 2 == 0 && source.row_words % 2 == 0 && chance(2);
      i.pointwise = i.stride2 == 0 && chance(3);
      i.depthwise = i.pointwise == 0 && chance(4);
      if (i.stride2 != 0) result.rows /= 2, result.row_words /= 2;
      if (i.depthwise == 0) result.channels = oc * (1 + below(std::max(1u, 8 / oc)));
      i.in_channels = i.depthwise != 0 ? 1 : source.channels;
      i.count = i.depthwise != 0 ? result.channels : result.channels / oc;
      i.rows = result.rows;
      i.row_words = result.row_words;
      i.plane = result.plane();
      weights = i.count * i.in_channels * (i.pointwise != 0 ? 1 : 9);
      entries = result.channels;
      i.single = program.parameters.single && i.depthwise == 0 && chance(4);
      if (i.single != 0) i.relu = 0;
    } else {
      i.count = result.words();
      i.plane = 1;
      i.single = program.parameters.single &&
                 source.plane() * static_cast<uint32_t>(program.parameters.lanes.px) <= 1u << kPoolBits && chance(2);
      if (i.single != 0) {
        i.row_words = source.plane();
        result.rows = result.row_words = 1;
      }
    }
    i.weight = weight_size_ + below(3);
    i.table = table_size_ + below(3);
    if (i.weight + weights > static_cast<uint32_t>(program.parameters.weight_words)) return;

    // Old values: of the same shape, or of one twice as large in both directions, in the other map.
    for (const Value& old : values_) {
      if (i.single != 0 || (old.maps >> (1 - i.source) & 1) == 0 || chance(3)) continue;
      const bool same = old.rows == result.rows && old.row_words == result.row_words;
      const bool twice = old.rows == 2 * result.rows && old.row_words == 2 * result.row_words;
      if (i.opcode == Opcode::kCombine ? old.words() < result.words() : !same && !twice) continue;
      i.add = 1;
      i.old_base = old.base;
      i.old_stride2 = i.opcode == Opcode::kConvolve && !same;
      i.old_channels = i.opcode == Opcode::kCombine ? i.count : std::min(old.channels, result.channels);
      // The sum may replace what it was added to.
      if (old.words() == result.words() && i.old_stride2 == 0 && chance(2) && old.maps == (2u >> i.source)) {
        i.destination = old.maps;
        i.destination_base = old.base;
        break;
      }
    }
    const bool fresh = i.destination == 0;
    if (fresh) {
      if (!place(result)) return;
      i.destination = result.maps;
      i.destination_base = result.base;
    }
    weight_size_ = i.weight + weights;
    table_size_ = std::max(table_size_, i.table + entries);
    if (i.opcode == Opcode::kConvolve && i.depthwise == 0 && i.single == 0 && chance(2) &&
        program.parameters.online_channels > 0 && add_online(i, result, fresh))
      return;
    program.instructions.push_back(i);
  }

  // An online norm instead of the other: the sums to a place of their own, or where the results would go; from there to
  // the destination; `fresh`: nothing was written there before.
  bool add_online(Instruction convolution, const Value& shape, bool fresh) {
    Instruction norm{.opcode = Opcode::kCombine,
                     .destination = convolution.destination,
                     .relu = convolution.relu,
                     .online = 1,
                     .count = shape.words(),
                     .row_words = shape.plane(),
                     .plane = 1,
                     .destination_base = convolution.destination_base,
                     .table = convolution.table};
    Value sums = shape;
    sums.maps = 1 + below(2);
    convolution.relu = convolution.add = convolution.old_base = convolution.old_channels = convolution.old_stride2 = 0;
    convolution.online = 1;
    if (!place(sums)) return false;
    convolution.destination = sums.maps;
    convolution.destination_base = sums.base;
    norm.source = map_of(sums);
    norm.source_base = sums.base;
    const auto is_result = [to = norm](const Value& v) {
      return v.maps == to.destination && v.base == to.destination_base;
    };
    if (chance(3)) {  // in place; nothing is written where the results would have gone
      std::erase_if(values_, is_result);
      norm.destination = sums.maps;
      norm.destination_base = sums.base;
    }
    for (const Value& old : values_) {
      if ((old.maps >> (1 - norm.source) & 1) == 0 || old.words() < shape.words() || chance(2)) continue;
      if (fresh && is_result(old)) continue;
      norm.add = 1;
      norm.old_base = old.base;
      norm.old_channels = 1 + below(norm.count);
      break;
    }
    program.instructions.push_back(convolution);
    program.instructions.push_back(norm);
    return true;
  }

  // Numbers of so many bits; at the full width every second one is the smallest or the largest.
  int32_t number(int bits, int full = 32) {
    if (bits == full && chance(2)) return (chance(2) ? INT32_MIN : INT32_MAX) >> (32 - bits);
    return static_cast<int32_t>(random_()) >> (32 - bits);
  }

  void fill() {
    const auto words = static_cast<size_t>(program.parameters.weight_words),
               tables = static_cast<size_t>(program.parameters.table_words);
    program.weights.resize(static_cast<size_t>(program.parameters.lanes.oc));
    // 8 x 9 of the largest weights stay below the bound of the accumulators, 1,073,750,016, only with 24 bits; in one
    // DSP below 2^(48 - width of activations).
    const Parameters& p = program.parameters;
    const int most = std::min(p.weight.width, p.mac_dsps == 1 ? 42 - p.activation.width : 24);
    const int32_t largest = (1 << (most - 1)) - 1;
    for (auto& lane : program.weights) {
      lane.resize(words);
      for (int32_t& weight : lane)
        weight = extreme_ ? (chance(4) ? (chance(2) ? -largest - 1 : largest) : number(most))
                          : number(std::min(most, p.weight.fraction));
    }
    program.time_bias.resize(tables * 9);
    for (int32_t& value : program.time_bias) value = number(extreme_ ? 32 : p.sum_fraction - 1);
    program.scale.resize(tables);
    for (int32_t& value : program.scale) value = number(extreme_ ? 32 : 21);
    program.shift.resize(tables);
    for (int32_t& value : program.shift) value = number(extreme_ ? 32 : p.sum_fraction);
  }

  std::mt19937 random_;
  bool extreme_ = false;
  std::vector<Value> values_;
  uint32_t used_[2] = {0, 0};
  uint32_t weight_size_ = 0, table_size_ = 0, first_of_loop_ = 1;
};

}  // namespace odenet::engine::testing
