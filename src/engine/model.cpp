#include "engine/model.h"

#include <algorithm>

#include "core/error.h"
#include "fixed/network.h"
#include "fixed/online_norm.h"

namespace odenet::engine {
namespace {

template <typename T>
auto& at(T& values, size_t index, const char* what) {
  if (index >= values.size()) throw Error("engine model: {} {} of {}", what, index, values.size());
  return values[index];
}

}  // namespace

int32_t Model::finish(const Instruction& instruction, int64_t value, int64_t scale, size_t table, size_t old_pixel,
                      uint32_t channel) {
  const Parameters& p = program_.parameters;
  const int64_t shift = int64_t{at(program_.shift, table, "shift")} * (int64_t{1} << p.scale_fraction);
  int32_t y = fixed::saturate(fixed::round_half_up(value * scale + shift, p.norm_shift()), p.activation, &saturations_);
  if (instruction.add != 0 && channel < instruction.old_channels)
    y = fixed::saturate(int64_t{y} + at(maps_[1 - instruction.source], old_pixel, "old pixel"), p.activation,
                        &saturations_);
  return instruction.relu != 0 ? std::max(y, 0) : y;
}

void Model::write(const Instruction& instruction, size_t pixel, int32_t value) {
  for (uint32_t map = 0; map < 2; ++map)
    if ((instruction.destination >> map & 1) != 0) at(maps_[map], pixel, "written pixel") = value;
}

// A pixel is a number of the activations' width, so that a word's bits are those of its pixels one after another.
void Model::write_word(const Instruction& instruction, size_t pixel, int32_t value) {
  const int width = program_.parameters.activation.width;
  for (int p = 0; p < program_.parameters.lanes.px; ++p) {
    const uint64_t bits = p * width < 64 ? uint64_t{static_cast<uint32_t>(value)} >> (p * width) : 0;
    write(instruction, pixel + static_cast<size_t>(p),
          static_cast<int32_t>(static_cast<uint32_t>(bits) << (32 - width)) >> (32 - width));
  }
}

int32_t Model::read_word(uint32_t map, size_t pixel) const {
  const int width = program_.parameters.activation.width;
  uint64_t bits = 0;
  for (int p = 0; p * width < 32; ++p) {
    const auto stored = static_cast<uint32_t>(at(maps_[map], pixel + static_cast<size_t>(p), "stored pixel"));
    bits |= (uint64_t{stored} & ((uint64_t{1} << width) - 1)) << (p * width);
  }
  return static_cast<int32_t>(static_cast<uint32_t>(bits));
}

void Model::convolve(const Instruction& i, size_t table) {
  const auto px = static_cast<size_t>(program_.parameters.lanes.px);
  const size_t lanes = i.depthwise != 0 ? 1 : static_cast<size_t>(program_.parameters.lanes.oc);
  const int stride = i.stride2 != 0 ? 2 : 1;
  const int rows = static_cast<int>(i.rows), columns = static_cast<int>(i.row_words * px);
  const int in_rows = stride * rows, in_columns = stride * columns;
  const size_t plane = i.plane * px, in_plane = plane * static_cast<size_t>(stride * stride);
  const int old_stride = i.old_stride2 != 0 ? 2 : 1;
  const size_t taps = i.pointwise != 0 ? 1 : 9;
  const Parameters& p = program_.parameters;
  // A depthwise convolution has no norm: its result is rounded and saturated once, as an activation.
  const bool rounded_later = i.depthwise != 0 && p.finer() > 0,
             saturated_later = i.depthwise != 0 && p.activation.width < 32;
  int64_t not_counted = 0;
  const auto is_discarded = [&](int column) {  // of a word that is its last pixel
    return i.single != 0 && static_cast<size_t>(column) % px != px - 1;
  };
  // Only what is read of the source before it is written counts: a program keeps the two apart, or the model differs.
  const std::vector<int32_t> source = maps_[i.source];

  if (i.online != 0) norms_.clear();
  for (size_t channel = 0; channel < i.count * lanes; ++channel) {
    const size_t entry = table + channel;
    const int32_t scale = at(program_.scale, entry, "scale");
    fixed::Moments moments;
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column) {
        int64_t sum = 0;
        for (size_t input = 0; input < i.in_channels; ++input)
          for (size_t tap = 0; tap < taps; ++tap) {
            // Kernel columns are in the order 0, 1, 2, with stride 2 in the order 0, 2, 1.
            const int third = static_cast<int>(tap % 3);
            const int kernel_row = taps == 1 ? 0 : static_cast<int>(tap / 3) - 1;
            const int kernel_column = taps == 1 ? 0 : (stride == 2 && third != 0 ? 3 - third : third) - 1;
            const int r = stride * row + kernel_row, c = stride * column + kernel_column;
            if (r < 0 || r >= in_rows || c < 0 || c >= in_columns) continue;
            const size_t from = i.depthwise != 0 ? channel : input;
            const size_t weight = i.weight + (channel / lanes * i.in_channels + input) * taps + tap;
            sum += int64_t{at(program_.weights[channel % lanes], weight, "weight")} *
                   at(source, i.source_base * px + from * in_plane + static_cast<size_t>(r * in_columns + c), "pixel");
          }
        const auto border =
            static_cast<size_t>(3 * fixed::border_class(row, rows) + fixed::border_class(column, columns));
        const int32_t bias = at(program_.time_bias, entry * 9 + border, "time bias");
        const int64_t rounded = rounded_later ? sum >> p.sum_shift() : fixed::round_half_up(sum, p.sum_shift());
        const int32_t value = fixed::saturate(rounded + bias, p.sum(),
                                              saturated_later || is_discarded(column) ? &not_counted : &saturations_);
        const size_t pixel = channel * plane + static_cast<size_t>(row * columns + column);
        const size_t old_pixel = i.old_base * px + channel * plane * static_cast<size_t>(old_stride * old_stride) +
                                 static_cast<size_t>((row * old_stride * columns + column) * old_stride);
        if (i.single != 0) {
          if (!is_discarded(column)) write_word(i, i.destination_base * px + pixel + 1 - px, value);
          continue;
        }
        moments.add(value);
        write(i, i.destination_base * px + pixel,
              i.online != 0 ? value : finish(i, value, scale, entry, old_pixel, static_cast<uint32_t>(channel)));
      }
    if (i.online != 0)
      norms_.push_back(
          fixed::online_scale(moments, static_cast<int>(plane), scale, p.sum(), {32, p.scale_fraction}, &saturations_));
  }
}

void Model::combine(const Instruction& i, size_t table) {
  const auto px = static_cast<size_t>(program_.parameters.lanes.px);
  for (size_t pixel = 0; pixel < i.count * px; ++pixel) {
    const Parameters& p = program_.parameters;
    const int64_t stored = at(maps_[i.source], i.source_base * px + pixel, "pixel");
    int32_t value = fixed::saturate(stored * (int64_t{1} << p.finer()), p.sum(), &saturations_);
    size_t entry = table;
    int64_t scale = at(program_.scale, entry, "scale");
    if (i.online != 0) {
      const size_t channel = pixel / px / i.row_words;
      const fixed::OnlineScale& norm = at(norms_, channel, "channel");
      entry += channel;
      scale = norm.scale;
      value = fixed::saturate(int64_t{value} - norm.mean, p.sum(), &saturations_);
    }
    write(i, i.destination_base * px + pixel,
          finish(i, value, scale, entry, i.old_base * px + pixel, static_cast<uint32_t>(pixel / px)));
  }
}

void Model::pool(const Instruction& i, size_t table) {
  const auto px = static_cast<size_t>(program_.parameters.lanes.px);
  const Parameters& p = program_.parameters;
  const int32_t scale = at(program_.scale, table, "scale");
  for (size_t channel = 0; channel < i.count / i.row_words; ++channel) {
    int64_t sum = 0;
    for (size_t k = 0; k < i.row_words * px; ++k) {
      sum += at(maps_[i.source], (i.source_base + channel * i.row_words) * px + k, "pixel");
      // In the format of sums rounded down, if that has bits by which to round to activations.
      const int64_t fine = sum * (int64_t{1} << p.finer());
      const int64_t mean = p.finer() > 0 ? fine >> p.pool_bits : fixed::round_half_up(fine, p.pool_bits);
      const int32_t value = fixed::saturate(mean, p.sum(), &saturations_);
      const int32_t average = finish(i, value, scale, table, 0, 0);
      if (k >= (i.row_words - 1) * px) write(i, (i.destination_base + channel) * px + k % px, average);
    }
  }
}

std::vector<int32_t> Model::run(std::span<const int32_t> input) {
  const auto px = static_cast<size_t>(program_.parameters.lanes.px);
  for (size_t map = 0; map < 2; ++map) maps_[map].resize(static_cast<size_t>(program_.parameters.map_words[map]) * px);
  saturations_ = 0;
  std::vector<int32_t> output;
  uint32_t iteration = 0, offset = 0;
  for (size_t pc = 0;;) {
    const Instruction& i = at(program_.instructions, pc++, "instruction");
    switch (i.opcode) {
      case Opcode::kLoad:
        if (input.size() < i.count * px) throw Error("engine model: an image of {} pixels is too short", input.size());
        for (size_t pixel = 0; pixel < i.count * px; ++pixel) write(i, i.destination_base * px + pixel, input[pixel]);
        input = input.subspan(i.count * px);
        break;
      case Opcode::kConvolve:
        convolve(i, i.table + offset);
        break;
      case Opcode::kCombine:
        i.single != 0 ? pool(i, i.table + offset) : combine(i, i.table + offset);
        break;
      case Opcode::kStore:
        for (size_t pixel = 0; pixel < i.count * px; ++pixel)
          if (i.single == 0)
            output.push_back(at(maps_[i.source], i.source_base * px + pixel, "stored pixel"));
          else if (pixel % px == 0)
            output.push_back(read_word(i.source, i.source_base * px + pixel));
        break;
      case Opcode::kLoop:
        if (++iteration == i.count) {
          iteration = offset = 0;
        } else {
          offset += i.table;
          pc = i.target;
        }
        break;
      case Opcode::kEnd:
        return output;
    }
  }
}

}  // namespace odenet::engine
