#include "driver/resident_block.h"

#include <gtest/gtest.h>

#include "engine/registers.h"
#include "fake_device.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::driver {
namespace {

using odenet::testing::engine_network;
using testing::FakeDevice;

TEST(ResidentBlock, IsTheOneWhoseProgramTheEngineHolds) {
  const fixed::Network net = engine_network();
  for (size_t i = 0; i < net.blocks.size(); ++i)
    for (const engine::Lanes lanes : {engine::Lanes{1, 8}, engine::Lanes{4, 2}}) {
      FakeDevice device(engine::compile(net.blocks[i], net.formats(), lanes));
      const ResidentBlock found = find_resident_block(device, net);
      EXPECT_EQ(found.index, i);
      EXPECT_EQ(found.program.parameters.lanes, lanes);
    }
}

TEST(ResidentBlock, SaysWhyItIsNoneOfThem) {
  fixed::Network net = engine_network(1);
  const engine::Program program = engine::compile(engine_network(2).blocks[3], net.formats(), 8);
  FakeDevice device(program);
  net.blocks[2].name = "other.0";
  net.blocks[2].height = 15;
  EXPECT_ERROR(find_resident_block(device, net), fmt::format("{:016x}", engine::program_hash(program)),
               fmt::format("layer2_2.0: program {:016x}",
                           engine::program_hash(engine::compile(net.blocks[3], net.formats(), 8))),
               "other.0: maps of 960 to 512 activations");
  net.activation.fraction = 21;  // all formats are the network's
  net.activations["layer2_2.0"] = {16, 8};
  EXPECT_ERROR(find_resident_block(device, net), "no block of this network", "layer2_2.0: ");
  device.registers[engine::reg::kId] = 0;
  EXPECT_ERROR(find_resident_block(device, net), "no engine there");
}

}  // namespace
}  // namespace odenet::driver
