// A folder with the engine's RTL, its test bench, one program at a time and the C++ model's answers.
//
//   ProgramBench bench;
//   bench.prepare(program, images, 2);  bench.build_icarus();
//   bench.run({"vvp", "icarus"}, "+stalls")           // the log; Error if the bench fails
//   bench.expected()                                  // the lines "image I: ..." without stalls
#pragma once

#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "core/process.h"
#include "engine/cycles.h"
#include "engine/hardware_files.h"
#include "engine/model.h"
#include "engine/rom.h"
#include "support/temporary_folder.h"

namespace odenet::engine::testing {

class ProgramBench {
 public:
  ProgramBench() {
    for (const auto& [path, text] : hardware_files()) write(path, text);
  }

  void write(const std::string& path, std::string_view text) {
    create_folder((folder_ / path).parent_path());
    write_file(folder_ / path, text);
  }

  // input: [count, C, H, W].
  void prepare(const Program& program, std::span<const int32_t> input, int count) {
    for (const auto& [path, text] : rom_files(program)) write(path, text);
    Model model(program);
    const Cycles counts = cycles(program);
    const auto size = static_cast<size_t>(program.input.size());
    std::vector<int32_t> golden;
    expected_.clear();
    for (size_t image = 0; image < static_cast<size_t>(count); ++image) {
      const auto output = model.run(input.subspan(image * size, size));
      golden.insert(golden.end(), output.begin(), output.end());
      expected_ += fmt::format("image {}: compute {} load {} store {} saturations {}\n", image, counts.compute,
                               counts.load, counts.store, model.saturations());
    }
    write("input.hex", hex_lines(input, 32));
    write("golden.hex", hex_lines(golden, 32));
    arguments_ = {fmt::format("+images={}", count),
                  "+input=input.hex",
                  "+output=output.hex",
                  "+golden=golden.hex",
                  fmt::format("+input_size={}", program.input.size()),
                  fmt::format("+output_size={}", program.output.size()),
                  fmt::format("+cycles={}", 1000 + 10 * (counts.load + counts.compute + counts.store))};
  }

  void build_icarus() {
    run_process({"sh", "-c", "iverilog -g2005 -I. -Irtl -s engine_tb -o icarus rtl/*.v tb/engine_tb.v"}, folder_.path(),
                log());
  }

  // Registers that nothing initialises start with random bits, so that nothing can rely on them.
  void build_verilator() {
    std::vector<std::string> command{"verilator",   "--timing", "-O3",       "--x-assign",    "unique",
                                     "--x-initial", "unique",   "-I.",       "-Irtl",         "--top-module",
                                     "engine_tb",   "--Mdir",   "verilated", "tb/engine_tb.v"};
    if (coverage_)
      for (const char* option : {"--cc", "--exe", "--build", "--coverage-line", "--coverage-toggle",
                                 ODENET_TESTS_FOLDER "/coverage_main.cpp"})
        command.emplace_back(option);
    else
      command.emplace_back("--binary");
    run_process(command, folder_.path(), log());
  }

  // Error with the warnings, if there are any.
  void lint() {
    run_process({"verilator", "--lint-only", "-Wall", "-I.", "-Irtl", "rtl/engine.v"}, folder_.path(), log());
  }

  std::string run(std::vector<std::string> command, const std::vector<std::string>& more = {}) {
    command.insert(command.end(), arguments_.begin(), arguments_.end());
    command.insert(command.end(), more.begin(), more.end());
    run_process(command, folder_.path(), log());
    const std::string text = read_text_file(log());
    if (std::filesystem::exists(folder_ / "coverage.dat")) add_coverage();
    return text;
  }

  const std::string& expected() const { return expected_; }

 private:
  std::filesystem::path log() const { return folder_ / "log.txt"; }

  void add_coverage() {
    std::vector<std::string> command{"verilator_coverage", "--write", coverage_, "coverage.dat"};
    if (std::filesystem::exists(coverage_)) command.emplace_back(coverage_);
    run_process(command, folder_.path(), log());
    std::filesystem::remove(folder_ / "coverage.dat");
  }

  odenet::testing::TemporaryFolder folder_;
  const char* coverage_ = std::getenv("ODENET_COVERAGE");  // a file that gathers what verilated benches cover; or null
  std::string expected_;
  std::vector<std::string> arguments_;
};

}  // namespace odenet::engine::testing
