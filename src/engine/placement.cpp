#include "engine/placement.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace odenet::engine {
namespace {

// A block RAM, and what it costs Yosys.
struct BlockRam {
  int words, width;
  double blocks, cost;
};
// share/yosys/xilinx/brams_xc4v.txt. Of 72 bits only for ROMs: hw/rtl/ram.v says why.
constexpr BlockRam kXilinxRams[] = {{16384, 1, 0.5, 129}, {8192, 2, 0.5, 129}, {4096, 4, 0.5, 129}, {2048, 9, 0.5, 129},
                                    {1024, 18, 0.5, 129}, {512, 36, 0.5, 129}, {32768, 1, 1, 257},  {16384, 2, 1, 257},
                                    {8192, 4, 1, 257},    {4096, 9, 1, 257},   {2048, 18, 1, 257},  {1024, 36, 1, 257},
                                    {512, 72, 1, 257}};
// share/yosys/ecp5/brams.txt
constexpr BlockRam kEcp5Rams[] = {{16384, 1, 1, 128}, {8192, 2, 1, 128},  {4096, 4, 1, 128},
                                  {2048, 9, 1, 128},  {1024, 18, 1, 128}, {512, 36, 1, 128}};

// What a bit costs that a multiplexer adds; a bit of a ROM in LUTs, which synth_xilinx sets to a LUT's share.
constexpr double kMultiplexerCost = 0.5;
constexpr double kXilinxLogicCost = 1.0 / 64, kEcp5LogicCost = 1.0 / 16;

struct Priced {
  Placement placement{};
  double cost = std::numeric_limits<double>::infinity();
};

Priced cheapest(int words, int width, bool written, DeviceFamily family) {
  Priced best;
  const auto rams = family == DeviceFamily::kXilinx ? std::span<const BlockRam>(kXilinxRams) : kEcp5Rams;
  for (const BlockRam& ram : rams) {
    if (written && ram.width > 36) continue;
    const int rows = divide_up(words, ram.words);
    const int count = written ? rows * divide_up(width, ram.width) : divide_up(rows * width, ram.width);
    const double cost = count * ram.cost + kMultiplexerCost * (rows - 1) * width;
    if (cost < best.cost) best = {{count * ram.blocks, rows}, cost};
  }
  return best;
}

}  // namespace

Placement place(int words, int width, bool written, DeviceFamily family) {
  return cheapest(words, width, written, family).placement;
}

Rom place_rom(std::span<const int32_t> words, DeviceFamily family) {
  uint32_t ones = ~uint32_t{0}, zeros = ~uint32_t{0}, as_sign = ~uint32_t{0};  // bits that are so in all words
  for (const int32_t word : words) {
    const auto bits = static_cast<uint32_t>(word);
    ones &= bits;
    zeros &= ~bits;
    as_sign &= word < 0 ? bits : ~bits;
  }
  const uint32_t varying = ~(ones | zeros);
  Rom rom{.words = static_cast<int>(words.size()), .bits = std::popcount(varying)};
  rom.different = rom.bits - std::max(0, std::popcount(varying & as_sign) - 1);
  if (rom.bits == 0) return rom;
  const Priced blocks = cheapest(rom.words, rom.bits, /*written=*/false, family);
  const double bit = family == DeviceFamily::kXilinx ? kXilinxLogicCost : kEcp5LogicCost;
  if (bit * rom.words * rom.bits > blocks.cost) rom.blocks = blocks.placement;
  return rom;
}

}  // namespace odenet::engine
