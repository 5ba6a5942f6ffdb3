#include "data/resize.h"

#include <algorithm>

#include "core/error.h"

namespace odenet::data {

namespace {

// Output index i lies between two inputs: the value is (before * (unit - weight) + after * weight) / unit.
struct Tap {
  int before, after;
  int64_t weight;
};

// unit = 2 out: the place (i + 1/2) in / out - 1/2 is ((2 i + 1) in - out) / (2 out).
std::vector<Tap> taps(int in, int out) {
  std::vector<Tap> result;
  for (int i = 0; i < out; ++i) {
    const int64_t place = std::clamp<int64_t>(int64_t{2 * i + 1} * in - out, 0, int64_t{2} * out * (in - 1));
    const int before = static_cast<int>(place / (2 * out));
    result.push_back({before, std::min(before + 1, in - 1), place % (2 * out)});
  }
  return result;
}

}  // namespace

std::vector<uint8_t> resize_bilinear(std::span<const uint8_t> image, int height, int width, int out_height,
                                     int out_width) {
  for (const int size : {height, width, out_height, out_width})
    if (size < 1 || size > 4096) throw Error("resize: a side of {} pixels, expected 1 to 4096", size);
  if (image.size() != static_cast<size_t>(height) * static_cast<size_t>(width))
    throw Error("resize: {} bytes, expected {} x {} pixels", image.size(), height, width);
  const std::vector<Tap> rows = taps(height, out_height), columns = taps(width, out_width);
  const int64_t unit_y = 2 * out_height, unit_x = 2 * out_width;
  const auto at = [&](int y, int x) { return int64_t{image[static_cast<size_t>(y * width + x)]}; };
  std::vector<uint8_t> output;
  output.reserve(rows.size() * columns.size());
  for (const Tap& row : rows) {
    for (const Tap& column : columns) {
      const auto across = [&](int y) {
        return at(y, column.before) * (unit_x - column.weight) + at(y, column.after) * column.weight;
      };
      const int64_t sum = across(row.before) * (unit_y - row.weight) + across(row.after) * row.weight;
      output.push_back(static_cast<uint8_t>((2 * sum + unit_y * unit_x) / (2 * unit_y * unit_x)));
    }
  }
  return output;
}

}  // namespace odenet::data
