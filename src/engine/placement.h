// How Yosys 0.23 makes a memory of an engine: of how many block RAMs, or of LUTs.
//
//   Placement maps = place(1536, 32, /*written=*/true, DeviceFamily::kXilinx);   // {1.5 block RAMs, 3 rows}
//   Rom scale = place_rom(program.scale, DeviceFamily::kXilinx);                 // scale.in_block_ram()
#pragma once

#include <cstdint>
#include <span>

namespace odenet::engine {

enum class DeviceFamily { kXilinx, kEcp5 };  // 7 series and UltraScale+; Lattice ECP5

constexpr int divide_up(int a, int b) { return (a + b - 1) / b; }

struct Placement {
  double blocks = 0;  // of 36 Kib, those of 18 Kib counting half; ECP5: of 18 Kib
  int rows = 1;       // of words one below the other: inputs of the multiplexer behind them
};

// In block RAMs, the cheapest that Yosys finds (passes/memory/memory_libmap.cc). Of a ROM, which is never written, the
// rows share the width of the block RAMs bit by bit: 9216 words of 16 bits fill four of 1024 x 36.
Placement place(int words, int width, bool written, DeviceFamily family);

// A ROM of 32-bit words. Bits that are the same in all words vanish, in LUTs copies of the sign too.
struct Rom {
  int words = 0;
  int bits = 0, different = 0;  // of a word, without those that vanish: in block RAM, in LUTs
  Placement blocks{};           // none: it is made of LUTs, for it is small

  bool in_block_ram() const { return blocks.blocks > 0; }
};

Rom place_rom(std::span<const int32_t> words, DeviceFamily family);

}  // namespace odenet::engine
