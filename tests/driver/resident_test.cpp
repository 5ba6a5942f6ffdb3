#include "driver/resident.h"

#include <gtest/gtest.h>

#include "engine/registers.h"
#include "fake_device.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::driver {
namespace {

using odenet::testing::engine_network;
using testing::FakeDevice;

TEST(Resident, IsTheBlockWhoseProgramTheEngineHolds) {
  const fixed::Network net = engine_network();
  for (size_t i = 0; i < net.blocks.size(); ++i)
    for (const engine::Lanes lanes : {engine::Lanes{1, 8}, engine::Lanes{4, 2}}) {
      FakeDevice device(engine::compile(net.blocks[i], net.formats(), lanes));
      const Resident found = find_resident(device, net);
      EXPECT_EQ(found.block, i);
      EXPECT_EQ(found.program.parameters.lanes, lanes);
    }
}

TEST(Resident, IsTheNetworkWhoseProgramTheEngineHolds) {
  const fixed::Network net = engine_network();
  FakeDevice device(engine::compile(net, engine::Lanes{4, 2}));
  const Resident found = find_resident(device, net);
  EXPECT_EQ(found.block, std::nullopt);
  EXPECT_TRUE(found.program.network);
  fixed::Runner runner(net, 1);
  const std::vector<int32_t> logits(static_cast<size_t>(2 * net.spec.classes), 7);
  found.replace(runner, [&](std::span<const int32_t> input) {
    EXPECT_EQ(input.size(), static_cast<size_t>(2 * net.spec.in_channels * net.spec.height * net.spec.width));
    return logits;
  });
  EXPECT_EQ(runner.run(odenet::testing::random_images(net.spec, 2, 1)), logits);
}

TEST(Resident, SaysWhyItIsNoneOfThem) {
  fixed::Network net = engine_network(1);
  const engine::Program program = engine::compile(engine_network(2).blocks[3], net.formats(), 8);
  FakeDevice device(program);
  net.blocks[2].name = "other.0";
  net.blocks[2].height = 15;
  EXPECT_ERROR(find_resident(device, net), fmt::format("{:016x}", engine::program_hash(program)),
               fmt::format("layer2_2.0: program {:016x}",
                           engine::program_hash(engine::compile(net.blocks[3], net.formats(), 8))),
               "other.0: 960 to 512 numbers");
  net.activation.fraction = 21;  // all formats are the network's
  net.activations["layer2_2.0"] = {16, 8};
  EXPECT_ERROR(find_resident(device, net), "nor one of its blocks", "layer2_2.0: ");
  device.registers[engine::reg::kId] = 0;
  EXPECT_ERROR(find_resident(device, net), "no engine there");
}

}  // namespace
}  // namespace odenet::driver
