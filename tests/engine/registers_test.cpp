#include "engine/registers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "engine/compiler.h"
#include "engine/hash.h"
#include "random_block.h"

namespace odenet::engine {
namespace {

using ::testing::HasSubstr;
using testing::RandomBlock;

Program program(uint32_t seed = 1) {
  const RandomBlock random({.channels = 4}, seed);
  return compile(random.block, random.formats, 16);
}

TEST(Registers, LieSideBySide) {
  uint32_t offset = 0;
  for (const Register& r : registers()) {
    EXPECT_EQ(r.offset, offset) << r.name;
    offset += 4;
    uint32_t bits = 0;
    for (const RegisterBit& bit : r.bits) {
      EXPECT_EQ(bit.mask & (bit.mask - 1), 0u) << bit.name;
      EXPECT_EQ(bits & bit.mask, 0u) << bit.name;
      bits |= bit.mask;
    }
  }
}

TEST(Registers, AreGeneratedForEveryUser) {
  const std::string verilog = verilog_registers(program()), python = python_registers(), text = register_document();
  for (const Register& r : registers()) {
    EXPECT_THAT(verilog, HasSubstr(fmt::format("`define AXI_{} 12'h{:03x}\n", r.name, r.offset)));
    EXPECT_THAT(python, HasSubstr(fmt::format("\n{} = 0x{:02x}\n", r.name, r.offset)));
    EXPECT_THAT(text, HasSubstr(fmt::format("| 0x{:02x} | {} |", r.offset, r.name)));
  }
  EXPECT_THAT(verilog, HasSubstr("`define AXI_STATUS_STREAM_ERROR_BIT 3\n"));
  EXPECT_THAT(python, HasSubstr("\nSTATUS_STREAM_ERROR = 0x8\n"));
  EXPECT_THAT(text, HasSubstr("bit 3: STREAM_ERROR"));
}

// The Verilog implements each register that the table has: a read for each readable one, a write for each writable one.
TEST(Registers, AreAllInTheVerilog) {
  const std::string source = read_text_file(std::string(ODENET_HW_FOLDER) + "/axi/engine_registers.v");
  for (const Register& r : registers()) {
    const std::string name = fmt::format("`AXI_{}", r.name);
    EXPECT_EQ(source.find(name + ": read_data") != std::string::npos, r.access != Access::kWrite) << r.name;
    EXPECT_THAT(source, HasSubstr(name)) << r.name;
  }
}

TEST(Registers, HashNamesTheProgram) {
  EXPECT_EQ(program_hash(program()), program_hash(program()));
  EXPECT_NE(program_hash(program(1)), program_hash(program(2)));
  EXPECT_THAT(verilog_registers(program()), HasSubstr(fmt::format("64'h{:016x}", program_hash(program()))));
}

TEST(Registers, ShapeNamesWhatCannotBeRewritten) {
  const uint32_t shape = shape_hash(program());
  EXPECT_EQ(shape_hash(program(2)), shape) << "other weights and tables";
  const auto expect_other = [&](const auto& change) {
    Program other = program();
    change(other);
    EXPECT_NE(shape_hash(other), shape);
  };
  expect_other([](Program& p) { ++p.instructions[1].table; });
  expect_other([](Program& p) { p.parameters.mac_dsps = 1; });
  expect_other([](Program& p) { --p.parameters.scale_fraction; });
  expect_other([](Program& p) { ++p.parameters.table_words; });
  EXPECT_THAT(verilog_registers(program()), HasSubstr(fmt::format("`define AXI_SHAPE_HASH 32'h{:08x}\n", shape)));
}

TEST(Registers, Crc32IsThatOfZlib) {
  const std::string text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  EXPECT_EQ(crc32(bytes), 0xcbf43926u);
  EXPECT_EQ(crc32(bytes.subspan(4), crc32(bytes.first(4))), 0xcbf43926u);
}

}  // namespace
}  // namespace odenet::engine
