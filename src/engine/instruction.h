// The engine's instructions and their 128-bit encoding; the table of fields is the one that hw/rtl/sequencer.v reads.
//
//   Instruction load{.opcode = Opcode::kLoad, .count = 512};
//   std::string line = to_hex(encode(load));    // a line of program.hex
//   assert(decode(encode(load)) == load);
//
// A program runs once per image. Meaning of the fields, by opcode:
//   load      destination <- stream, `count` map words
//   convolve  destination <- write-back of the 3x3 convolution of source: `in_channels`, `count` groups of output
//             channels, `height` rows, weights from address `weight`, tables from `table` + the loop's offset;
//             `relu`, `add` (the destination's value so far)
//   store     stream <- source, `count` map words
//   loop      runs the program from address `target` to here `count` times in all; each time adds `table` to the
//             offset of the tables. Loops do not nest.
//   end       the image is finished; the program starts over
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace odenet::engine {

enum class Opcode : uint8_t { kLoad = 1, kConvolve = 2, kStore = 3, kLoop = 4, kEnd = 5 };

const char* name_of(Opcode opcode);  // "convolve"

struct Instruction {
  Opcode opcode = Opcode::kEnd;
  uint32_t source = 0, destination = 0;  // 0 z, 1 hidden
  uint32_t relu = 0, add = 0;
  uint32_t in_channels = 0;
  uint32_t count = 0;
  uint32_t height = 0;
  uint32_t weight = 0;
  uint32_t table = 0;
  uint32_t target = 0;

  bool operator==(const Instruction&) const = default;
};

struct Field {
  const char* name;
  int low, width;  // bits low to low + width - 1
  uint32_t Instruction::*value;
};

// Every field but the opcode, which is bits 0 to 3. Bits in no field are zero.
std::span<const Field> instruction_fields();

using Word = std::array<uint32_t, 4>;  // lowest bits first

Word encode(const Instruction& instruction);           // Error if a value does not fit its field
Instruction decode(const Word& word);                  // Error if the opcode is unknown or a bit in no field is set
std::string to_hex(const Word& word);                  // 32 digits
std::string describe(const Instruction& instruction);  // "convolve in_channels=64 count=32 ..."

}  // namespace odenet::engine
