#include "engine/rom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compiler.h"
#include "random_block.h"

namespace odenet::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using testing::RandomBlock;
using ::testing::UnorderedElementsAre;

TEST(Rom, PrintsTwosComplement) {
  const std::vector<int32_t> values = {0, 1, -1, (1 << 24) - 1, -(1 << 24)};
  EXPECT_EQ(hex_lines(values, 25), "0000000\n0000001\n1ffffff\n0ffffff\n1000000\n");
  EXPECT_EQ(hex_lines(values, 32), "00000000\n00000001\nffffffff\n00ffffff\nff000000\n");
}

TEST(Rom, HasAFileForEachMemoryAndTheParameters) {
  const RandomBlock random({.channels = 4}, 1);
  const Program program = compile(random.block, random.formats, 16);
  auto files = rom_files(program);
  EXPECT_THAT(files, UnorderedElementsAre(Key("engine_config.vh"), Key("rom/program.hex"), Key("rom/weights_00.hex"),
                                          Key("rom/weights_01.hex"), Key("rom/time_bias.hex"), Key("rom/scale.hex"),
                                          Key("rom/shift.hex")));
  EXPECT_THAT(files["engine_config.vh"], HasSubstr("`define ENGINE_OC_LANES 2\n"));
  EXPECT_THAT(files["engine_config.vh"], HasSubstr("`define ENGINE_WEIGHT_WORDS 144\n"));
  EXPECT_THAT(files["engine_config.vh"], HasSubstr("`define ENGINE_ROM_PREFIX \"rom/\"\n"));
  EXPECT_EQ(files["rom/scale.hex"], hex_lines(program.scale, 32));
  EXPECT_EQ(files["rom/weights_01.hex"], hex_lines(program.weights[1], 25));
  EXPECT_THAT(files["rom/program.hex"], HasSubstr("00000000000000000000000000000005  // end\n"));

  files = rom_files(program, "");
  EXPECT_THAT(files, ::testing::Contains(Key("shift.hex")));
  EXPECT_THAT(files["engine_config.vh"], HasSubstr("`define ENGINE_ROM_PREFIX \"\"\n"));
}

}  // namespace
}  // namespace odenet::engine
