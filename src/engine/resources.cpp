#include "engine/resources.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace odenet::engine {
namespace {

constexpr int kSlice = 32;  // hw/rtl/ram.v

// A memory of `words` words of `width` bits. Block RAMs are 36 bits wide with 1024 words, half of that for 18 Kib.
double blocks_of(int words, int width) {
  if (words == 0) return 0;
  double best = 1e9;
  for (const int data : {1, 2, 4, 9, 18, 36}) {
    const int columns = (width + data - 1) / data;
    const int depth = 1024 * 32 / (data >= 9 ? data / 9 * 8 : data);
    const double rows = words <= depth / 2 ? 0.5 : std::ceil(static_cast<double>(words) / depth);
    best = std::min(best, columns * rows);
  }
  return best;
}

}  // namespace

double block_rams(const Parameters& p) {
  double sum = 0;
  const int width = p.lanes.px * p.activation.width;
  for (const int words : p.map_words) {  // in slices of 32 bits
    sum += width / kSlice * blocks_of(words, kSlice);
    if (width % kSlice != 0) sum += blocks_of(words, width % kSlice);
  }
  sum += 6 * blocks_of(p.online_channels, 32);  // sums of 128 bits, mean and scale
  return sum + p.lanes.oc * blocks_of(p.weight_words, p.weight.width) + blocks_of(9 * p.table_words, 32) +
         2 * blocks_of(p.table_words, 32);
}

void require_fits(const Program& program, const Device& device) {
  if (const int needed = dsps(program.parameters); needed > device.dsp)
    throw Error("{}: {} multiply-accumulate lanes take {} DSPs, more than the {} of the {}; choose fewer", program.name,
                program.parameters.macs(), needed, device.dsp, device.name);
  const double needed = block_rams(program.parameters);
  if (needed > device.block_rams)
    throw Error(
        "{}: its memories take {:g} block RAMs, more than the {:g} of the {}; quantize it to fewer bits, or choose "
        "a larger device",
        program.name, needed, device.block_rams, device.name);
}

}  // namespace odenet::engine
