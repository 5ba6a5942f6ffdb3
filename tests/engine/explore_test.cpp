#include "engine/explore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/cycles.h"
#include "random_block.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using ::testing::HasSubstr;
using testing::RandomBlock;

std::vector<fixed::Formats> some_formats(std::initializer_list<const char*> texts) {
  std::vector<fixed::Formats> formats;
  for (const char* text : texts) formats.push_back(parse_engine_formats(text));
  return formats;
}

TEST(Explore, TellsWhatEverySizeCosts) {
  const RandomBlock random({.channels = 64, .executions = 6}, 1);
  const Exploration all = explore(random.block, random.formats, {});
  ASSERT_EQ(all.sizes.size(), valid_macs().size());
  for (const EngineSize& size : all.sizes) {
    EXPECT_EQ(size.refused, "");
    const Program program = compile(random.block, random.formats, size.macs, kXczu7ev);
    EXPECT_EQ(size.cycles, cycles(program).compute);
    EXPECT_EQ(size.resources.luts, estimate(program, DeviceFamily::kXilinx).luts);
    EXPECT_EQ(size.resources.dsp, 2 * size.macs + 4);
    EXPECT_LE(size.resources.block_rams, 100);
    EXPECT_EQ(size.fits, size.macs <= 64);  // 128 lanes take 260 DSPs
  }
  const std::string text = to_text(all);
  EXPECT_THAT(text, HasSubstr("16   2 x 8  32.20/25.20      1622566    16.226      36  16 %    66.5  48 %"));
  EXPECT_THAT(text, HasSubstr("Shares of the XC7Z020, at 100 MHz"));
  const nlohmann::json json = all;
  EXPECT_EQ(json["sizes"][4]["cycles"], 1622566);
  EXPECT_DOUBLE_EQ(json["sizes"][4]["milliseconds"], 16.22566);
  EXPECT_EQ(json["sizes"][4]["resources"]["dsp"], 36);
  EXPECT_EQ(json["device_resources"]["dsp"], 220);
}

TEST(Explore, ComparesFormats) {
  const RandomBlock random({.channels = 64, .executions = 6}, 1);
  const Exploration all =
      explore(random.block, random.formats,
              {.others = some_formats({"32.20/25.20", "25.16/18.13", "16.9/16.12"})});  // its own only once
  ASSERT_EQ(all.sizes.size(), 3 * valid_macs().size());
  const EngineSize &own = all.sizes[6], &one_dsp = all.sizes[15], &narrow = all.sizes[24];
  for (const EngineSize* size : {&own, &one_dsp, &narrow}) {
    EXPECT_EQ(size->macs, 64);
    EXPECT_EQ(size->cycles, own.cycles);
  }
  EXPECT_EQ(own.resources.dsp, 132);
  EXPECT_EQ(one_dsp.resources.dsp, 68);
  EXPECT_LT(one_dsp.resources.block_rams, own.resources.block_rams);
  EXPECT_LT(narrow.resources.block_rams, one_dsp.resources.block_rams);
  EXPECT_LT(narrow.resources.flip_flops, own.resources.flip_flops);
  EXPECT_THAT(to_text(all), HasSubstr("64   8 x 8   16.9/16.12       406630     4.066      68  31 %"));
}

// The weights of another format are enough to refuse those that do not fit and to prove accumulators.
TEST(Explore, RoundsTheWeights) {
  const RandomBlock random({.channels = 8}, 1);
  const fixed::Block rounded = with_weights_in(random.block, random.formats, {16, 12});
  for (size_t i = 0; i < rounded.conv2.weight.size(); ++i)
    EXPECT_EQ(rounded.conv2.weight[i], (random.block.conv2.weight[i] + 128) >> 8);
  EXPECT_EQ(rounded.conv1.time_bias, random.block.conv1.time_bias);
  EXPECT_EQ(with_weights_in(random.block, random.formats, {25, 20}).conv1.weight, random.block.conv1.weight);

  RandomBlock large({.channels = 8}, 1);
  large.block.conv1.weight[0] = 3 << 20;  // 3
  const Exploration all = explore(large.block, large.formats, {.others = some_formats({"16.9/16.13", "16.9/16.14"})});
  EXPECT_EQ(all.sizes[9].refused, "");
  EXPECT_THAT(all.sizes[18].refused, HasSubstr("weight 49152 of channel 0 does not fit"));
}

// Every size of the ECP5 that fits takes as many block RAMs, which are scarcest: only the fastest are marked.
TEST(Explore, MarksThePareto) {
  const RandomBlock random({.channels = 64, .executions = 6}, 1);
  for (const Device& device : kDevices) {
    const Exploration all =
        explore(random.block, random.formats, {.device = device, .others = some_formats({"16.9/16.12", "8.3/8.6"})});
    const auto share = [&](const EngineSize& size) { return largest_share(size.resources, device); };
    int marked = 0;
    for (const EngineSize& size : all.sizes) {
      EXPECT_TRUE(!size.fits || share(size) <= 1);
      const bool beaten = std::any_of(all.sizes.begin(), all.sizes.end(), [&](const EngineSize& other) {
        return other.fits && other.cycles <= size.cycles && share(other) <= share(size) &&
               other.activation.width >= size.activation.width && other.weight.width >= size.weight.width &&
               (other.cycles != size.cycles || share(other) != share(size) ||
                other.activation.width != size.activation.width || other.weight.width != size.weight.width);
      });
      EXPECT_EQ(size.pareto, size.fits && !beaten) << device.name << ", " << size.macs;
      marked += size.pareto;
    }
    EXPECT_GE(marked, 3) << device.name;  // one of each format
    EXPECT_LT(marked, std::ssize(all.sizes) / 2) << device.name;
  }
}

// A lane of 32 x 25 bits takes four multipliers of an ECP5.
TEST(Explore, TellsWhatDoesNotFit) {
  const RandomBlock random({.channels = 64, .executions = 6}, 1);
  const Exploration all = explore(random.block, random.formats, {.device = kLfe5u85f});
  EXPECT_EQ(all.sizes[5].resources.dsp, 4 * 32 + 6);
  EXPECT_TRUE(all.sizes[5].fits);
  EXPECT_EQ(all.sizes[6].resources.dsp, 4 * 64 + 6);
  EXPECT_FALSE(all.sizes[6].fits);
  EXPECT_FALSE(all.sizes[6].pareto);
  EXPECT_THAT(to_text(all), HasSubstr("does not fit\n"));
  EXPECT_EQ(nlohmann::json(all)["sizes"][6]["fits"], false);
}

// Channel lanes beyond the channels there are: refused, with the reason in the row.
TEST(Explore, SaysWhyThereIsNoSuchEngine) {
  const RandomBlock random({.channels = 4}, 1);
  const Exploration all = explore(random.block, random.formats, {});
  EXPECT_EQ(all.sizes[5].refused, "");
  EXPECT_THAT(all.sizes[6].refused, HasSubstr("4 channels"));
  EXPECT_FALSE(all.sizes[6].pareto);
  EXPECT_THAT(to_text(all), HasSubstr("  64          32.20/25.20  block layer3_2.0: 4 channels"));
  EXPECT_THAT(nlohmann::json(all)["sizes"][6]["refused"], HasSubstr("4 channels"));
}

TEST(Explore, ReadsFormats) {
  const fixed::Formats formats = parse_engine_formats("16.9/16.12");
  EXPECT_EQ(formats.activation, (fixed::Format{16, 9}));
  EXPECT_EQ(formats.weight, (fixed::Format{16, 12}));
  EXPECT_EQ(formats.sum, fixed::kWideSum);
  for (const std::string_view text : explored_formats()) {
    const fixed::Formats explored = parse_engine_formats(std::string(text));
    EXPECT_EQ(to_text(explored.activation, explored.weight), text);
  }
  EXPECT_ERROR(parse_engine_formats("16.9"), "16.9/16.12");
  EXPECT_ERROR(parse_engine_formats("16.9/x"), "format 'x'");
  EXPECT_ERROR(parse_engine_formats("16.9,fc=32.20/16.12"), "16.9,fc=32.20");
}

// The formats' network is laid out like the one that quantize makes.
TEST(Explore, AWholeNetwork) {
  const fixed::Network net = odenet::testing::engine_network();
  const Exploration all = explore(net, {.others = some_formats({"16.9/16.12"})});
  ASSERT_EQ(all.sizes.size(), 2 * valid_macs().size());
  const fixed::Network narrow = odenet::testing::engine_network(1, parse_engine_formats("16.9/16.12"));
  const EngineSize& size = all.sizes[valid_macs().size() + 4];
  const Program program = compile(narrow, 16);
  EXPECT_EQ(size.macs, 16);
  EXPECT_EQ(size.cycles, cycles(program).compute);
  EXPECT_EQ(size.resources.dsp, 20);
  EXPECT_EQ(size.resources.block_rams, estimate(program, DeviceFamily::kXilinx).block_rams);
  EXPECT_THAT(all.sizes[valid_macs().size()].refused, HasSubstr("32 bits of a logit"));  // one lane
}

}  // namespace
}  // namespace odenet::engine
