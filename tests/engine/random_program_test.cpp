// Random programs in the simulated engine against the C++ model: every word, every cycle count, every saturation, from
// random registers, with random pauses, images back to back, after a reset in mid-run.
//
// ODENET_RANDOM_PROGRAMS=N runs N of them for each of nine arrangements of lanes instead of a few for two.
#include "random_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "program_bench.h"
#include "support/engine_network.h"

namespace odenet::engine {
namespace {

using testing::ProgramBench;
using testing::RandomProgram;

constexpr int kImages = 2;

int wanted() {
  const char* text = std::getenv("ODENET_RANDOM_PROGRAMS");
  return text == nullptr ? 0 : std::atoi(text);
}

std::string lanes_name(const ::testing::TestParamInfo<Lanes>& info) {
  return fmt::format("{}x{}", info.param.oc, info.param.px);
}

class RandomPrograms : public ::testing::TestWithParam<Lanes> {};

TEST_P(RandomPrograms, RunAsTheModelSays) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const int count = wanted() > 0 ? wanted() : 25;
  ProgramBench bench;
  for (int seed = 0; seed < count; ++seed) {
    SCOPED_TRACE(fmt::format("program {}", seed));
    RandomProgram random(GetParam(), static_cast<uint32_t>(seed));
    const Program& program = random.program;
    bench.prepare(program, random.images(kImages), kImages);
    if (seed == 0) bench.build_verilator();
    const std::vector<std::string> command{"verilated/Vengine_tb", "+verilator+rand+reset+2"};
    const Cycles counts = cycles(program);
    const int64_t reset = 1 + (seed * 7919) % (2 * (counts.load + counts.compute + counts.store));
    try {
      ASSERT_THAT(bench.run(command, {fmt::format("+verilator+seed+{}", seed + 1)}),
                  ::testing::HasSubstr(bench.expected()));
      ASSERT_THAT(bench.run(command, {fmt::format("+verilator+seed+{}", seed + 1000001), "+stalls",
                                      fmt::format("+seed={}", seed), fmt::format("+reset_after={}", reset)}),
                  ::testing::HasSubstr("PASS"));
    } catch (const std::exception& e) {
      std::string listing;
      for (const Instruction& instruction : program.instructions) listing += describe(instruction) + "\n";
      FAIL() << listing << e.what();
    }
  }
}

// A short run takes a wide and a narrow engine.
const std::vector<Lanes> kFew{{2, 8}, {4, 1}};
const std::vector<Lanes> kAll{{1, 1}, {1, 2}, {1, 4}, {1, 8}, {2, 8}, {4, 8}, {8, 8}, {4, 1}, {8, 2}};
INSTANTIATE_TEST_SUITE_P(Rtl, RandomPrograms, ::testing::ValuesIn(wanted() > 0 ? kAll : kFew), lanes_name);

}  // namespace
}  // namespace odenet::engine
