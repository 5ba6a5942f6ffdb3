// The engine behind its AXI interfaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "bench_folder.h"
#include "engine/cycles.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

using testing::BenchFolder;
using ::testing::HasSubstr;
using testing::RandomBlock;
using testing::Shape;

constexpr int kImages = 3;

struct Case {
  int macs;
  Shape shape;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.macs << " MACs, " << c.shape.channels << " x " << c.shape.height << " x 8";
}

class Axi : public ::testing::TestWithParam<Case> {
 protected:
  Axi() : bench(GetParam().shape, GetParam().macs, 1, kImages) {
    // The memories of another block, to rewrite the engine's own with.
    const RandomBlock other(GetParam().shape, 2);
    for (const auto& [path, text] : rom_files(compile(other.block, other.formats, GetParam().macs), "reload"))
      if (path.starts_with("reload/")) bench.write(path, text);
    bench.write("rewritten.hex", hex_lines(bench.answers(other), 32));
  }

  // The command, and what the bench wants to know.
  std::string run(std::vector<std::string> command, int seed) const {
    for (const std::string& argument :
         {std::string("+input=input.hex"), std::string("+golden=golden.hex"), std::string("+rewritten=rewritten.hex"),
          fmt::format("+images={}", kImages), fmt::format("+compute={}", cycles(bench.program).compute),
          fmt::format("+seed={}", seed)})
      command.push_back(argument);
    return bench.run(command);
  }

  BenchFolder bench;
};

const std::vector<std::string> kIcarus = {
    "sh", "-c",
    "iverilog -g2005 -I. -Irtl -s axi_engine_tb -o bench rtl/*.v axi/*.v tb/axi_engine_tb.v tb/channel_check.v"};

TEST_P(Axi, StreamsAndRegistersKeepTheirRulesInIcarus) {
  SKIP_WITHOUT("iverilog");
  bench.run(kIcarus);
  for (int seed : {0, 1, 2}) EXPECT_THAT(run({"vvp", "bench"}, seed), HasSubstr("PASS"));
}

class AxiVerilated : public Axi {};

TEST_P(AxiVerilated, StreamsAndRegistersKeepTheirRulesFromRandomRegisters) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  bench.run({"sh", "-c",
             "verilator --binary --timing --x-assign unique --x-initial unique -Wno-fatal -I. -Irtl --top-module "
             "axi_engine_tb --Mdir verilated rtl/*.v axi/*.v tb/axi_engine_tb.v tb/channel_check.v"});
  for (int seed : {0, 3, 4})
    EXPECT_THAT(
        run({"verilated/Vaxi_engine_tb", "+verilator+rand+reset+2", fmt::format("+verilator+seed+{}", seed + 1)}, seed),
        HasSubstr("PASS"));
}

TEST_P(Axi, LintFindsNothing) {
  SKIP_WITHOUT("verilator");
  for (const char* writable : {"0", "1"})
    EXPECT_EQ(bench.run({"verilator", "--lint-only", "-Wall", "-I.", "-Irtl", "-Iaxi",
                         fmt::format("-GWRITABLE={}", writable), "axi/axi_engine.v"}),
              "");
}

INSTANTIATE_TEST_SUITE_P(
    Engines, Axi,
    ::testing::Values(
        Case{8, {.channels = 1, .height = 2, .executions = 1}}, Case{16, {.channels = 4, .height = 3, .executions = 1}},
        Case{16, {.channels = 4, .height = 4, .executions = 1, .ode = false, .stride = 2, .in_channels = 2}}));

INSTANTIATE_TEST_SUITE_P(Engines, AxiVerilated,
                         ::testing::Values(Case{16, {.channels = 4, .height = 3, .executions = 1}}));

// A second opinion: a public model of the buses. ODENET_PYTHON may name the Python that has it.
TEST(AxiModel, AgreesWithCocotb) {
  SKIP_WITHOUT("iverilog");
  const char* named = std::getenv("ODENET_PYTHON");
  const std::string python = named ? named : "python3";
  SKIP_WITHOUT(python);
  const BenchFolder bench({.channels = 2, .height = 2, .executions = 2}, 16, 1, 2);
  const std::string script = std::string(ODENET_TESTS_FOLDER) + "/axi_model_test.py";
  const std::string text =
      bench.run({"sh", "-c", fmt::format("{} {} . || {{ [ $? = 77 ] && echo SKIPPED; }}", python, script)});
  if (text.find("SKIPPED") != std::string::npos) GTEST_SKIP() << text;
  EXPECT_THAT(text, HasSubstr("PASS=1"));
}

// A bench that cannot fail proves nothing: each of these breaks one rule.
TEST(AxiBench, FindsBrokenRules) {
  SKIP_WITHOUT("iverilog");
  const BenchFolder bench({.channels = 1, .height = 2, .executions = 1}, 8, 1, 2);
  const std::string images = fmt::format("vvp bench +input=input.hex +golden=golden.hex +compute={} +images=2 +seed=1",
                                         cycles(bench.program).compute);
  const auto expect_failure = [&](const char* file, const std::string& from, const std::string& to,
                                  const char* message) {
    const std::string right = read_text_file(bench.path() / file);
    std::string wrong = right;
    ASSERT_NE(wrong.find(from), std::string::npos) << from;
    bench.write(file, wrong.replace(wrong.find(from), from.size(), to));
    bench.run(kIcarus);
    EXPECT_ERROR(bench.run({"sh", "-c", images}), message);
    bench.write(file, right);
  };
  expect_failure("axi/stream_out.v", "assign ready = !engine_rst && (!m_axis_tvalid || m_axis_tready);",
                 "assign ready = !engine_rst;", "check_out: withdrew or changed");
  expect_failure("axi/stream_out.v", "m_axis_tlast <= packet_end;", "m_axis_tlast <= image_end;", "TLAST");
  expect_failure("axi/axil_slave.v", "write_error || !all_bytes", "write_error", "response of a write");
  expect_failure("axi/axil_slave.v", "s_axi_rresp <= read_error ? SLVERR : OKAY;", "s_axi_rresp <= OKAY;",
                 "response of a read");
  expect_failure("axi/engine_registers.v", "images <= images + 1'b1;", "images <= images;", "register");
}

}  // namespace
}  // namespace odenet::engine
