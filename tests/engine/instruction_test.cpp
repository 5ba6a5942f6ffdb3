#include "engine/instruction.h"

#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.h"

namespace odenet::engine {
namespace {

constexpr Opcode kOpcodes[] = {Opcode::kLoad, Opcode::kConvolve, Opcode::kStore,
                               Opcode::kLoop, Opcode::kEnd,      Opcode::kCombine};

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
  EXPECT_EQ(to_hex(encode({.opcode = Opcode::kEnd})), std::string(63, '0') + "5");
  EXPECT_EQ(to_hex(encode({.opcode = Opcode::kConvolve,
                           .source = 1,
                           .destination = 2,
                           .relu = 1,
                           .add = 0,
                           .stride2 = 1,
                           .old_stride2 = 0,
                           .pointwise = 1,
                           .depthwise = 0,
                           .in_channels = 0x4567,
                           .count = 0x89ab,
                           .rows = 0xcdef,
                           .row_words = 0x1357,
                           .plane = 0x2468,
                           .old_channels = 0x9bdf,
                           .target = 0xdef0,
                           .source_base = 0x111111,
                           .destination_base = 0x222222,
                           .old_base = 0x333333,
                           .weight = 0x123456,
                           .table = 0x789abc})),
            "00789abc123456333333222222111111def09bdf24681357cdef89ab45671592");
}

TEST(Instruction, FieldsDoNotOverlap) {
  Word taken{0xf};
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
  EXPECT_ERROR(decode({0}), "unknown opcode 0");
  EXPECT_ERROR(decode({0x25}), "00000025", "no field");
}

TEST(Instruction, DescribesItself) {
  EXPECT_EQ(describe({.opcode = Opcode::kLoop, .count = 6, .target = 1, .table = 128}),
            "loop count=6 target=1 table=128");
}

}  // namespace
}  // namespace odenet::engine
