// That the model equals the engine's own counter is in rtl_test.cpp; here are the budgets.
#include "engine/cycles.h"

#include <gtest/gtest.h>

#include "engine/compiler.h"
#include "random_block.h"

namespace odenet::engine {
namespace {

using testing::RandomBlock;

// The paper's accelerator takes 5 cycles for each of 4,718,592 / macs multiply-adds; ours 1.05 at most.
TEST(Cycles, OfLayer32StayWithinTheBudget) {
  const RandomBlock random({.channels = 64, .executions = 6}, 1);
  for (int macs : valid_macs()) {
    const Program program = compile(random.block, random.formats, macs, kXczu7ev);
    EXPECT_EQ(multiply_adds(program), 6 * 4718592);
    EXPECT_LE(step_cycles(program), 1.05 * 4718592 / macs) << macs;
  }
  EXPECT_EQ(step_cycles(compile(random.block, random.formats, 16)), 270427);
}

TEST(Cycles, OfLayer32WithInstanceNormsStayWithinTheBudget) {
  const RandomBlock random({.channels = 64, .executions = 6, .norm = NormKind::kInstance}, 1);
  for (int macs : valid_macs())
    if (macs <= 64) EXPECT_LE(step_cycles(compile(random.block, random.formats, macs)), 1.2 * 4718592 / macs) << macs;
}

TEST(Cycles, OfAnImageAreThoseOfItsExecutions) {
  const RandomBlock random({.channels = 8, .executions = 5}, 1);
  const Program program = compile(random.block, random.formats, 16);
  EXPECT_EQ(cycles(program).compute, 5 * step_cycles(program) + 4);
  EXPECT_EQ(cycles(program).load, 512 + 2);
  EXPECT_EQ(cycles(program).store, 512 + 5);
  EXPECT_DOUBLE_EQ(microseconds(270427, 100), 2704.27);
}

// Depthwise convolutions have one channel at a time.
TEST(Cycles, LanesUsed) {
  const RandomBlock plain({.channels = 64, .executions = 6}, 1);
  const Program program = compile(plain.block, plain.formats, 64);
  EXPECT_NEAR(lanes_used(program), 4718592.0 * 22 / 24 / 64 / 67771, 1e-4);  // kernel rows outside take no cycle
  EXPECT_EQ(depthwise_lanes_used(program), std::nullopt);
  const RandomBlock separable({.channels = 64, .executions = 6, .separable = true}, 1);
  const auto used = depthwise_lanes_used(compile(separable.block, separable.formats, 64));
  ASSERT_TRUE(used);
  EXPECT_LT(*used, 1.0 / 8);  // of 8 channel lanes one
  EXPECT_GT(*used, 0.9 / 8);
}

}  // namespace
}  // namespace odenet::engine
