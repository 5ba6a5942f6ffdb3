#include "engine/explore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/cycles.h"
#include "random_block.h"

namespace odenet::engine {
namespace {

using ::testing::HasSubstr;
using testing::RandomBlock;

TEST(Explore, TellsWhatEverySizeCosts) {
  const RandomBlock random({.channels = 64, .executions = 6}, 1);
  const auto sizes = explore(random.block, random.formats);
  ASSERT_EQ(sizes.size(), valid_macs().size());
  for (const EngineSize& size : sizes) {
    EXPECT_EQ(size.refused, "");
    EXPECT_EQ(size.cycles, cycles(compile(random.block, random.formats, size.macs)).compute);
    EXPECT_EQ(size.dsp, 2 * size.macs + 4);
    EXPECT_LE(size.dsp, 2 * size.macs + 12);
    EXPECT_LE(size.block_rams, 100);
    EXPECT_TRUE(size.fits(kXc7z020));
  }
  const std::string text = to_text(sizes, 100);
  EXPECT_THAT(text, HasSubstr("16     2 x 8      1622566    16.226     36"));
  EXPECT_THAT(text, HasSubstr("XC7Z020"));
  const nlohmann::json json = sizes[4];
  EXPECT_EQ(json["cycles"], 1622566);
  EXPECT_EQ(json["fits"]["XC7Z020"], true);
}

// Channel lanes beyond the channels there are: refused, with the reason in the row.
TEST(Explore, SaysWhyThereIsNoSuchEngine) {
  const RandomBlock random({.channels = 4}, 1);
  const auto sizes = explore(random.block, random.formats);
  EXPECT_EQ(sizes[5].refused, "");
  EXPECT_THAT(sizes[6].refused, HasSubstr("4 channels"));
  EXPECT_THAT(to_text(sizes, 100), HasSubstr("  64  block layer3_2.0: 4 channels"));
}

}  // namespace
}  // namespace odenet::engine
