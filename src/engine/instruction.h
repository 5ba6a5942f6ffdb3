// The engine's instructions and their 256-bit encoding; the table of fields is the one that hw/rtl/sequencer.v reads.
//
//   Instruction load{.opcode = Opcode::kLoad, .destination = kMap0, .count = 512};
//   std::string line = to_hex(encode(load));    // a line of program.hex
//   assert(decode(encode(load)) == load);
//
// A program runs once per image. There are two maps; bases, planes and rows are counted in map words. By opcode:
//   load      destination <- stream, `count` words
//   convolve  destination <- write-back of the 3x3 convolution of the map `source`: `in_channels`, `count` groups of
//             output channels, `rows` x `row_words` outputs a channel (`plane` in all), weights from address `weight`,
//             tables from `table` + the loop's offset; `stride2`: the input has twice the rows and words.
//             `add`: the other map's values from `old_base` on are added in channels below `old_channels`; with
//             `old_stride2` every second row and pixel of a map twice as large. `relu`. `pointwise`: 1x1 instead of
//             3x3, stride 1; `depthwise`: in_channels is 1, and each group one channel, from the channel of its number.
//             `online`: what is written is c, without scale and shift, and mean and scale of each channel are kept, see
//             fixed/online_norm.h; gamma is the table's scale. Neither depthwise, nor with add or relu. `single`: a
//             word is not its pixels but c of the last one, 32 bits, without scale and shift; neither with add nor relu
//   combine   the same for `count` single words, of which each is a lane of the write-back: the source's values take
//             the place of the convolution; `plane` is 1, old_channels the count, scale and shift those at `table`.
//             `online`: normalises the map of the last online convolution, of `row_words` words a channel, with beta
//             the shifts from `table` on
//             `single`: the average of a channel's pixels, `row_words` words a channel, 2^pool_bits pixels, to one word
//             a channel: each of its pixels is the sum up to that one in the channel's last word, rounded half up, the
//             last one so the average; scale and shift as ever; neither add nor online
//   store     stream <- source, `count` words; `single`: of each word the lowest 32 bits, as one beat
//   loop      runs the program from address `target` to here `count` times in all; each time adds `table` to the
//             offset of the tables. Loops do not nest.
//   end       the image is finished; the program starts over
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace odenet::engine {

enum class Opcode : uint8_t { kLoad = 1, kConvolve = 2, kStore = 3, kLoop = 4, kEnd = 5, kCombine = 6 };

const char* name_of(Opcode opcode);  // "convolve"

// Values of `destination`: the maps that are written.
inline constexpr uint32_t kMap0 = 1, kMap1 = 2, kBothMaps = 3;

struct Instruction {
  Opcode opcode = Opcode::kEnd;
  uint32_t source = 0;  // 0 or 1
  uint32_t destination = 0;
  uint32_t relu = 0, add = 0, stride2 = 0, old_stride2 = 0, pointwise = 0, depthwise = 0, online = 0, single = 0;
  uint32_t in_channels = 0;
  uint32_t count = 0;
  uint32_t rows = 0, row_words = 0, plane = 0;
  uint32_t old_channels = 0;
  uint32_t target = 0;
  uint32_t source_base = 0, destination_base = 0, old_base = 0;
  uint32_t weight = 0;
  uint32_t table = 0;

  bool operator==(const Instruction&) const = default;
};

struct Field {
  const char* name;
  int low, width;  // bits low to low + width - 1
  uint32_t Instruction::*value;
};

// Every field but the opcode, which is bits 0 to 3. Bits in no field are zero.
std::span<const Field> instruction_fields();

using Word = std::array<uint32_t, 8>;  // lowest bits first

Word encode(const Instruction& instruction);           // Error if a value does not fit its field
Instruction decode(const Word& word);                  // Error if the opcode is unknown or a bit in no field is set
std::string to_hex(const Word& word);                  // 64 digits
std::string describe(const Instruction& instruction);  // "convolve in_channels=64 count=32 ..."

}  // namespace odenet::engine
