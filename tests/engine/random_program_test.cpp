// Random programs in the simulated engine against the C++ model: every word, every cycle count, every saturation, from
// random registers, with random pauses, images back to back, after a reset in mid-run.
//
// ODENET_RANDOM_PROGRAMS=N runs N of them for each arrangement of lanes instead of a few for two.
#include "random_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/file.h"
#include "core/process.h"
#include "engine/cycles.h"
#include "engine/hardware_files.h"
#include "engine/model.h"
#include "engine/rom.h"
#include "support/engine_network.h"
#include "support/temporary_folder.h"

namespace odenet::engine {
namespace {

using odenet::testing::TemporaryFolder;
using testing::RandomProgram;

constexpr int kImages = 2;

std::string name_of(const ::testing::TestParamInfo<Lanes>& info) {
  return fmt::format("{}x{}", info.param.oc, info.param.px);
}

int wanted() {
  const char* text = std::getenv("ODENET_RANDOM_PROGRAMS");
  return text == nullptr ? 0 : std::atoi(text);
}

class RandomPrograms : public ::testing::TestWithParam<Lanes> {
 protected:
  void write(const std::string& path, std::string_view text) {
    create_folder((folder_ / path).parent_path());
    write_file(folder_ / path, text);
  }

  // Writes program, images and answers; returns the bench's lines "image I: ...".
  std::string prepare(const Program& program, std::span<const int32_t> input) {
    for (const auto& [path, text] : rom_files(program)) write(path, text);
    Model model(program);
    const Cycles counts = cycles(program);
    std::vector<int32_t> golden;
    std::string lines;
    const auto size = static_cast<size_t>(program.input.size());
    for (size_t image = 0; image < kImages; ++image) {
      const auto output = model.run(input.subspan(image * size, size));
      golden.insert(golden.end(), output.begin(), output.end());
      lines += fmt::format("image {}: compute {} load {} store {} saturations {}\n", image, counts.compute, counts.load,
                           counts.store, model.saturations());
    }
    write("input.hex", hex_lines(input, 32));
    write("golden.hex", hex_lines(golden, 32));
    return lines;
  }

  std::string run(const Program& program, const std::vector<std::string>& more) {
    const Cycles counts = cycles(program);
    std::vector<std::string> command{
        "verilated/Vengine_tb",
        "+verilator+rand+reset+2",
        fmt::format("+images={}", kImages),
        "+input=input.hex",
        "+output=output.hex",
        "+golden=golden.hex",
        fmt::format("+input_size={}", program.input.size()),
        fmt::format("+output_size={}", program.output.size()),
        fmt::format("+cycles={}", 1000 + 10 * (counts.load + counts.compute + counts.store))};
    command.insert(command.end(), more.begin(), more.end());
    run_process(command, folder_.path(), folder_ / "log.txt");
    return read_text_file(folder_ / "log.txt");
  }

  const TemporaryFolder folder_;
};

TEST_P(RandomPrograms, RunAsTheModelSays) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const int count = wanted() > 0 ? wanted() : 25;
  for (const auto& [path, text] : hardware_files()) write(path, text);
  prepare(RandomProgram(GetParam(), 0).program, RandomProgram(GetParam(), 0).images(kImages));
  run_process({"verilator", "--binary", "--timing", "-O3", "--x-assign", "unique", "--x-initial", "unique", "-I.",
               "-Irtl", "--top-module", "engine_tb", "--Mdir", "verilated", "tb/engine_tb.v"},
              folder_.path(), folder_ / "log.txt");
  for (int seed = 0; seed < count; ++seed) {
    SCOPED_TRACE(fmt::format("program {} of lanes {} x {}", seed, GetParam().oc, GetParam().px));
    RandomProgram random(GetParam(), static_cast<uint32_t>(seed));
    const Program& program = random.program;
    const std::string expected = prepare(program, random.images(kImages));
    try {
      ASSERT_THAT(run(program, {fmt::format("+verilator+seed+{}", seed + 1)}), ::testing::HasSubstr(expected));
      const Cycles counts = cycles(program);
      const int64_t reset = 1 + (seed * 7919) % (2 * (counts.load + counts.compute + counts.store));
      ASSERT_THAT(run(program, {fmt::format("+verilator+seed+{}", seed + 1000001), "+stalls",
                                fmt::format("+seed={}", seed), fmt::format("+reset_after={}", reset)}),
                  ::testing::HasSubstr("PASS"));
    } catch (const std::exception& e) {
      for (const Instruction& instruction : program.instructions) fmt::print("{}\n", describe(instruction));
      FAIL() << e.what();
    }
  }
}

// A short run takes a wide and a narrow engine; a long one every kind.
INSTANTIATE_TEST_SUITE_P(
    Rtl, RandomPrograms,
    ::testing::ValuesIn(wanted() > 0
                            ? std::vector<Lanes>{{1, 1}, {1, 2}, {1, 4}, {1, 8}, {2, 8}, {4, 8}, {8, 8}, {4, 1}, {8, 2}}
                            : std::vector<Lanes>{{2, 8}, {4, 1}}),
    name_of);

}  // namespace
}  // namespace odenet::engine
