// Random programs in the simulated engine against the C++ model: every word, every cycle count, every saturation, from
// random registers, with random pauses, images back to back, after a reset in mid-run.
//
// ODENET_RANDOM_PROGRAMS=N runs N of them for each of seventeen engines instead of a few for three.
// ODENET_COVERAGE=FILE gathers lines and toggles that they cover, for verilator_coverage.
#include "random_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "fixed/formats_text.h"
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

struct Engine {
  Lanes lanes;
  std::string activations = "", weights = "";  // empty: Q20
};

std::string engine_name(const ::testing::TestParamInfo<Engine>& info) {
  const auto& [lanes, activations, weights] = info.param;
  std::string name = fmt::format("{}x{}", lanes.oc, lanes.px);
  if (!activations.empty()) name += fmt::format("Of{}By{}", activations, weights);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

class RandomPrograms : public ::testing::TestWithParam<Engine> {};

TEST_P(RandomPrograms, RunAsTheModelSays) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const int count = wanted() > 0 ? wanted() : 25;
  ProgramBench bench;
  for (int seed = 0; seed < count; ++seed) {
    SCOPED_TRACE(fmt::format("program {}", seed));
    RandomProgram random(GetParam().lanes, static_cast<uint32_t>(seed),
                         fixed::formats_from(GetParam().activations, GetParam().weights));
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

// A short run takes a wide and a narrow engine, and one of lanes of one DSP.
const std::vector<Engine> kFew{{{2, 8}}, {{4, 1}}, {{2, 4}, "16.9", "16.12"}};
const std::vector<Engine> kAll{{{1, 1}},
                               {{1, 2}},
                               {{1, 4}},
                               {{1, 8}},
                               {{2, 8}},
                               {{4, 8}},
                               {{8, 8}},
                               {{4, 1}},
                               {{8, 2}},
                               {{2, 4}, "16.9", "16.12"},    // one DSP
                               {{1, 8}, "18.10", "18.14"},   // slices of maps that are no whole block RAMs
                               {{4, 2}, "24.16", "18.14"},   // one DSP, the activation at its wide port
                               {{2, 8}, "18.12", "25.20"},   // the weight there
                               {{2, 2}, "28.20", "20.15"},   // two DSPs, sums of the activations' fraction
                               {{2, 1}, "8.4", "8.6"},       // sums of less than 20 bits of fraction
                               {{1, 4}, "12.6", "12.9"},     // single values in three pixels
                               {{16, 8}, "16.9", "16.12"}};  // the largest engine
INSTANTIATE_TEST_SUITE_P(Rtl, RandomPrograms, ::testing::ValuesIn(wanted() > 0 ? kAll : kFew), engine_name);

}  // namespace
}  // namespace odenet::engine
