#include "engine/simulator.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/compiler.h"
#include "engine/cycles.h"
#include "fixed/runner.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using odenet::testing::engine_network;
using odenet::testing::random_images;

TEST(Simulator, EqualsTheIntegerBlockForAnyGrouping) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const fixed::Network net = engine_network();
  const Program program = compile(net.blocks[3], net.formats(), 8);
  fixed::Runner runner(net);
  const auto input = runner.block_input(random_images(net.spec, 5, 2), 3);
  const auto expected = runner.block(3).run(input);

  Simulator simulator(program, 2);
  const Simulation simulation = simulator.run(input);
  EXPECT_EQ(simulation.output, expected);
  ASSERT_EQ(simulation.images.size(), 5u);
  for (const ImageCounters& image : simulation.images) {
    EXPECT_EQ(image.compute_cycles, cycles(program).compute);
    EXPECT_EQ(image.saturations, 0);
  }
  const auto first = std::span(input).first(512);
  EXPECT_EQ(simulator.run(first).output, std::vector<int32_t>(expected.begin(), expected.begin() + 512));
  EXPECT_TRUE(simulator.run({}).output.empty());
  EXPECT_ERROR(simulator.run(std::span(input).first(100)), "100 activations", "multiple of 512");
}

TEST(Simulator, SaysWhatIsMissing) {
  const fixed::Network net = engine_network();
  const Program program = compile(net.blocks[3], net.formats(), 8);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  EXPECT_ERROR(Simulator(program), "verilator is missing", "apt-get install verilator");
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace odenet::engine
