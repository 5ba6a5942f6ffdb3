#include "engine/instruction.h"

#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.h"

namespace odenet::engine {
namespace {

constexpr Opcode kOpcodes[] = {Opcode::kLoad, Opcode::kConvolve, Opcode::kStore, Opcode::kLoop, Opcode::kEnd};

TEST(Instruction, DecodesWhatItEncodes) {
  std::mt19937 random(1);
  for (int n = 0; n < 1000; ++n) {
    Instruction instruction{.opcode = kOpcodes[random() % std::size(kOpcodes)]};
    for (const Field& field : instruction_fields())
      instruction.*field.value = static_cast<uint32_t>(random()) >> (32 - field.width);
    EXPECT_EQ(decode(encode(instruction)), instruction);
  }
}

// The bits that hw/rtl/sequencer.v reads and hw/README.md prints.
TEST(Instruction, HasItsFieldsWhereTheSequencerReadsThem) {
  EXPECT_EQ(to_hex(encode({.opcode = Opcode::kEnd})), "00000000000000000000000000000005");
  EXPECT_EQ(to_hex(encode({.opcode = Opcode::kConvolve,
                           .source = 1,
                           .destination = 2,
                           .relu = 1,
                           .add = 1,
                           .in_channels = 0x4567,
                           .count = 0x89ab,
                           .height = 0xcdef,
                           .weight = 0x123456,
                           .table = 0x789abc,
                           .target = 0xdef0})),
            "def0789abc123456cdef89ab45673212");
}

TEST(Instruction, FieldsDoNotOverlap) {
  Word taken{0xf, 0, 0, 0};
  for (const Field& field : instruction_fields()) {
    Instruction instruction{.opcode = Opcode::kEnd};
    instruction.*field.value = ~uint32_t{0} >> (32 - field.width);
    const Word word = encode(instruction), base = encode({.opcode = Opcode::kEnd});
    for (size_t i = 0; i < word.size(); ++i) {
      EXPECT_EQ(taken[i] & (word[i] ^ base[i]), 0u) << field.name;
      taken[i] |= word[i];
    }
  }
}

TEST(Instruction, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(encode({.opcode = Opcode::kLoad, .count = 65536}), "load", "count is 65536", "16 bits", "65535");
  EXPECT_ERROR(encode({.opcode = Opcode::kConvolve, .weight = 1u << 24}), "weight is 16777216");
  EXPECT_ERROR(encode({.opcode = static_cast<Opcode>(9)}), "unknown opcode 9");
  EXPECT_ERROR(decode({0, 0, 0, 0}), "unknown opcode 0");
  EXPECT_ERROR(decode({0x4005, 0, 0, 0}), "00004005", "no field");
}

TEST(Instruction, DescribesItself) {
  EXPECT_EQ(describe({.opcode = Opcode::kLoop, .count = 6, .table = 128, .target = 1}),
            "loop count=6 table=128 target=1");
}

}  // namespace
}  // namespace odenet::engine
