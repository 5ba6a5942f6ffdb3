// The Verilog engine against the integer block: every output word, every cycle count, every saturation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/file.h"
#include "core/process.h"
#include "engine/compiler.h"
#include "engine/cycles.h"
#include "engine/hardware_files.h"
#include "engine/rom.h"
#include "fixed/runner.h"
#include "random_block.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::engine {
namespace {

using odenet::testing::TemporaryFolder;
using testing::RandomBlock;
using testing::Shape;

struct Counters {
  int64_t compute = 0, load = 0, store = 0, saturations = 0;
};

// A folder with one engine, its test bench, and images with the integer block's answer.
class Bench {
 public:
  Bench(Shape shape, Lanes lanes, uint32_t seed, int images)
      : random_(shape, seed), program(compile(random_.block, random_.formats, lanes, kXczu7ev)), images_(images) {
    for (const auto& [path, text] : hardware_files()) write(path, text);
    for (const auto& [path, text] : rom_files(program)) write(path, text);
    const auto input = random_.images(images);
    std::vector<int32_t> golden;
    fixed::BlockRunner runner(random_.block, random_.formats, 1);
    int64_t before = 0;
    for (int i = 0; i < images; ++i) {
      const auto size = static_cast<size_t>(program.input.size());
      const auto output = runner.run(std::span(input).subspan(static_cast<size_t>(i) * size, size));
      golden.insert(golden.end(), output.begin(), output.end());
      int64_t after = 0;
      for (const auto& layer : runner.saturations()) after += layer.count;
      saturations.push_back(after - before);
      before = after;
    }
    layers = runner.saturations();
    write("input.hex", hex_lines(input, 32));
    write("golden.hex", hex_lines(golden, 32));
  }

  void build_icarus() {
    run_process({"sh", "-c", "iverilog -g2005 -I. -Irtl -s engine_tb -o icarus rtl/*.v tb/engine_tb.v"}, folder_.path(),
                log());
  }

  // Registers that nothing initialises start with random bits, so that nothing can rely on them.
  void build_verilator() {
    run_process({"verilator", "--binary", "--timing", "--x-assign", "unique", "--x-initial", "unique", "-I.", "-Irtl",
                 "--top-module", "engine_tb", "--Mdir", "verilated", "tb/engine_tb.v"},
                folder_.path(), log());
  }

  std::vector<Counters> run(std::vector<std::string> command) {
    const Cycles model = cycles(program);
    for (const std::string& argument :
         {fmt::format("+images={}", images_), std::string("+input=input.hex"), std::string("+output=output.hex"),
          std::string("+golden=golden.hex"),
          fmt::format("+cycles={}", 10000 + 10 * (model.load + model.compute + model.store))})
      command.push_back(argument);
    run_process(command, folder_.path(), log());
    const std::string text = read_text_file(log());
    EXPECT_THAT(text, ::testing::HasSubstr(fmt::format("PASS: {} words equal", images_ * program.output.size())));
    EXPECT_EQ(read_text_file(folder_ / "output.hex"), read_text_file(folder_ / "golden.hex"));
    std::vector<Counters> counters;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      int index = 0;
      Counters c;
      if (std::sscanf(line.c_str(), "image %d: compute %ld load %ld store %ld saturations %ld", &index, &c.compute,
                      &c.load, &c.store, &c.saturations) == 5)
        counters.push_back(c);
    }
    return counters;
  }

  // Without stalls every counter is predicted; with them load and store take longer.
  void expect_counters(const std::vector<Counters>& counters, bool stalls) {
    const Cycles model = cycles(program);
    ASSERT_EQ(counters.size(), saturations.size());
    for (size_t i = 0; i < counters.size(); ++i) {
      EXPECT_EQ(counters[i].compute, model.compute);
      EXPECT_EQ(counters[i].saturations, saturations[i]);
      if (stalls) {
        EXPECT_GE(counters[i].load, model.load);
        EXPECT_GE(counters[i].store, model.store);
      } else {
        EXPECT_EQ(counters[i].load, model.load);
        EXPECT_EQ(counters[i].store, model.store);
      }
    }
  }

  void write(const std::string& path, std::string_view text) {
    create_folder((folder_ / path).parent_path());
    write_file(folder_ / path, text);
  }
  std::filesystem::path path() const { return folder_.path(); }
  std::filesystem::path log() const { return folder_ / "log.txt"; }

 private:
  TemporaryFolder folder_;
  RandomBlock random_;

 public:
  Program program;
  std::vector<int64_t> saturations;  // of each image
  std::vector<fixed::LayerSaturations> layers;

 private:
  int images_;
};

struct Case {
  Lanes lanes;
  Shape shape;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.lanes.oc << " x " << c.lanes.px << " lanes, " << c.shape.channels << " x " << c.shape.height << " x "
       << c.shape.width << ", " << c.shape.executions << " executions" << (c.shape.extreme ? ", extreme values" : "");
}

class Rtl : public ::testing::TestWithParam<Case> {};

TEST_P(Rtl, EqualsTheIntegerBlockInIcarus) {
  SKIP_WITHOUT("iverilog");
  const Shape shape = GetParam().shape;
  Bench bench(shape, GetParam().lanes, 1, 2);
  for (const auto& layer : bench.layers)
    EXPECT_EQ(layer.count > 0, shape.extreme) << layer.layer;  // the values reach what the case is for
  bench.build_icarus();
  bench.expect_counters(bench.run({"vvp", "icarus"}), false);
  // Reset while the first image is loaded, computed or stored.
  const Cycles model = cycles(bench.program);
  bench.expect_counters(bench.run({"vvp", "icarus", "+stalls", "+seed=7", "+reset_after=100"}), true);
  bench.expect_counters(bench.run({"vvp", "icarus", fmt::format("+reset_after={}", model.load + model.compute / 2)}),
                        false);
  bench.expect_counters(bench.run({"vvp", "icarus", "+stalls", "+seed=8",
                                   fmt::format("+reset_after={}", model.load + model.compute + model.store / 2)}),
                        true);
}

INSTANTIATE_TEST_SUITE_P(
    Icarus, Rtl,
    ::testing::Values(
        Case{{1, 8}, {.channels = 1, .height = 2, .executions = 1}},  // the smallest one
        Case{{1, 8}, {.channels = 3, .height = 5, .executions = 3}},  // no power of two
        Case{{2, 8}, {.channels = 8, .height = 8, .executions = 2}},  //
        Case{{2, 8}, {.channels = 6, .height = 3, .executions = 3, .extreme = true}},
        Case{{4, 8}, {.channels = 4, .height = 8, .executions = 2}},  // write-back longer than some tiles
        Case{{8, 8}, {.channels = 8, .height = 4, .executions = 2, .extreme = true}},  // than most tiles
        Case{{8, 8}, {.channels = 16, .height = 2, .executions = 1}},
        Case{{1, 1}, {.channels = 2, .height = 3, .executions = 2, .width = 5}},  // the fewest lanes
        Case{{1, 2}, {.channels = 3, .height = 4, .executions = 2, .width = 6}},
        Case{{1, 4}, {.channels = 2, .height = 4, .executions = 2, .extreme = true, .width = 12}},
        Case{{4, 1}, {.channels = 4, .height = 3, .executions = 2, .width = 3}},   // channels alone
        Case{{2, 8}, {.channels = 4, .height = 4, .executions = 2, .width = 32}},  // several words a row
        Case{{1, 1}, {.channels = 1, .height = 1, .executions = 2, .width = 1}},   // nothing but padding around
        Case{{4, 2}, {.channels = 4, .height = 6, .executions = 1, .width = 8, .ode = false}},
        Case{{2, 8},
             {.channels = 4,
              .height = 6,
              .executions = 1,
              .extreme = true,
              .width = 16,
              .ode = false,
              .stride = 2,
              .in_channels = 3}},
        Case{{1, 1},
             {.channels = 3, .height = 4, .executions = 1, .width = 6, .ode = false, .stride = 2, .in_channels = 2}},
        Case{{2, 4}, {.channels = 4, .height = 4, .executions = 1, .ode = false, .in_channels = 2}},
        Case{{2, 4}, {.channels = 4, .height = 4, .executions = 1, .ode = false, .skip = Skip::kShort}},
        Case{{2, 2},
             {.channels = 4,
              .height = 4,
              .executions = 1,
              .ode = false,
              .skip = Skip::kShort,
              .stride = 2,
              .in_channels = 2}},
        Case{{2, 4},
             {.channels = 4,
              .height = 4,
              .executions = 1,
              .ode = false,
              .skip = Skip::kNone,
              .stride = 2,
              .in_channels = 2}},
        Case{{2, 4},
             {.channels = 4,
              .height = 4,
              .executions = 1,
              .ode = false,
              .stride = 2,
              .in_channels = 2,
              .projection = true}},
        Case{{4, 2}, {.channels = 8, .height = 4, .executions = 2, .separable = true}},
        Case{{2, 8}, {.channels = 4, .height = 5, .executions = 2, .extreme = true, .width = 16, .separable = true}},
        Case{{1, 4},
             {.channels = 4,
              .height = 4,
              .executions = 1,
              .ode = false,
              .stride = 2,
              .in_channels = 2,
              .separable = true}},
        Case{{2, 8},
             {.channels = 4, .height = 4, .executions = 2, .extreme = true, .activations = "16.9", .weights = "16.12"}},
        Case{{2, 4},
             {.channels = 4,
              .height = 4,
              .executions = 2,
              .separable = true,
              .activations = "18.10",
              .weights = "18.14"}}));

constexpr NormKind kInstance = NormKind::kInstance;
INSTANTIATE_TEST_SUITE_P(
    IcarusInstanceNorms, Rtl,
    ::testing::Values(
        Case{{1, 8}, {.channels = 1, .height = 2, .executions = 1, .norm = kInstance}},
        Case{{1, 8}, {.channels = 3, .height = 5, .executions = 3, .norm = kInstance}},
        Case{{2, 4}, {.channels = 6, .height = 3, .executions = 2, .extreme = true, .norm = kInstance}},
        Case{{8, 8}, {.channels = 16, .height = 2, .executions = 1, .norm = kInstance}},  // norms longer than sums
        Case{{4, 1}, {.channels = 4, .height = 3, .executions = 2, .width = 3, .norm = kInstance}},
        Case{{2, 8}, {.channels = 4, .height = 4, .executions = 2, .width = 32, .norm = kInstance}},
        Case{{2, 4},
             {.channels = 4,
              .height = 4,
              .executions = 1,
              .ode = false,
              .stride = 2,
              .in_channels = 2,
              .norm = kInstance}},
        Case{{2, 4},
             {.channels = 4,
              .height = 4,
              .executions = 1,
              .ode = false,
              .skip = Skip::kShort,
              .stride = 2,
              .in_channels = 2,
              .projection = true,
              .norm = kInstance}},
        Case{{4, 2}, {.channels = 8, .height = 4, .executions = 2, .separable = true, .norm = kInstance}}));

TEST(Rtl, EqualsTheIntegerBlockInVerilatorFromRandomRegisters) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  Bench bench({.channels = 16, .height = 8, .executions = 3, .extreme = true}, {2, 8}, 2, 4);
  bench.build_verilator();
  for (int seed : {1, 2}) {
    std::vector<std::string> command = {"verilated/Vengine_tb", "+verilator+rand+reset+2",
                                        fmt::format("+verilator+seed+{}", seed)};
    bench.expect_counters(bench.run(command), false);
    for (const char* argument : {"+stalls", "+reset_after=20000"}) command.emplace_back(argument);
    command.push_back(fmt::format("+seed={}", seed));
    bench.expect_counters(bench.run(command), true);
  }
}

// A bench that cannot fail proves nothing.
TEST(Rtl, BenchFindsOneWrongBit) {
  SKIP_WITHOUT("iverilog");
  Bench bench({.channels = 2, .height = 2, .executions = 1}, {1, 8}, 3, 1);
  std::string golden = read_text_file(bench.path() / "golden.hex");
  char& digit = golden[9 * 17 + 7];  // the last one of word 17
  digit = digit == '0' ? '1' : '0';
  bench.write("golden.hex", golden);
  bench.build_icarus();
  EXPECT_ERROR(bench.run({"vvp", "icarus"}), "vvp");
  EXPECT_THAT(read_text_file(bench.log()), ::testing::HasSubstr("FAIL: 1 of 32 words differ"));
  EXPECT_THAT(read_text_file(bench.log()), ::testing::HasSubstr("image 0 word 17"));
}

TEST(Rtl, StopsAtAnUnknownInstruction) {
  SKIP_WITHOUT("iverilog");
  Bench bench({.channels = 2, .height = 2, .executions = 1}, {1, 8}, 3, 1);
  std::string program = read_text_file(bench.path() / "rom/program.hex");
  program[program.find("//") - 3] = 'f';  // the opcode of the first one
  bench.write("rom/program.hex", program);
  bench.build_icarus();
  EXPECT_ERROR(bench.run({"vvp", "icarus"}), "vvp");
  EXPECT_THAT(read_text_file(bench.log()), ::testing::HasSubstr("illegal instruction"));
}

class Lint : public ::testing::TestWithParam<Lanes> {};

TEST_P(Lint, FindsNothing) {
  SKIP_WITHOUT("verilator");
  for (const Shape& shape : {Shape{.channels = 64, .height = 2},
                             {.channels = 64, .height = 2, .norm = NormKind::kInstance},
                             {.channels = 64, .height = 2, .activations = "16.9", .weights = "16.12"},
                             {.channels = 64, .height = 2, .activations = "24.20", .weights = "24.20"}}) {
    Bench bench(shape, GetParam(), 1, 1);
    run_process({"verilator", "--lint-only", "-Wall", "-I.", "-Irtl", "rtl/engine.v"}, bench.path(), bench.log());
    EXPECT_EQ(read_text_file(bench.log()), "");
  }
}

std::vector<Lanes> all_lanes() {
  std::vector<Lanes> result;
  for (int oc = 1; oc <= kMaxChannelLanes; oc *= 2)
    for (int px = 1; px <= kMaxPixelLanes && oc * px <= 64; px *= 2) result.push_back({oc, px});
  result.push_back({16, 8});
  result.push_back({32, 8});
  return result;
}
INSTANTIATE_TEST_SUITE_P(Rtl, Lint, ::testing::ValuesIn(all_lanes()));

TEST(Rtl, IllegalParametersStopElaboration) {
  Bench bench({.channels = 8}, {2, 8}, 1, 1);
  std::string config = read_text_file(bench.path() / "engine_config.vh");
  bench.write("engine_config.vh", config.replace(config.find("OC_LANES 2"), 10, "OC_LANES 3"));
  if (odenet::testing::have_tool("iverilog")) EXPECT_ERROR(bench.build_icarus(), "illegal_parameter_value");
  if (odenet::testing::have_tool("verilator"))
    EXPECT_ERROR(run_process({"verilator", "--lint-only", "-I.", "-Irtl", "rtl/engine.v"}, bench.path(), bench.log()),
                 "OC_LANES must be a power of two");
  if (odenet::testing::have_tool("yosys"))
    EXPECT_ERROR(run_process({"yosys", "-q", "-p", "read_verilog -defer -I. -Irtl rtl/*.v; hierarchy -top engine"},
                             bench.path(), bench.log()),
                 "OC_LANES must be a power of two");
}

// Benches of single modules: they decide themselves.
class ModuleBench : public ::testing::TestWithParam<const char*> {};

TEST_P(ModuleBench, Passes) {
  SKIP_WITHOUT("iverilog");
  const TemporaryFolder folder;
  const std::string name = GetParam(), hw = ODENET_HW_FOLDER;
  run_process({"iverilog", "-g2005", "-I" + hw + "/rtl", "-y" + hw + "/rtl", "-s", name, "-o", "bench",
               hw + "/tb/" + name + ".v"},
              folder.path(), folder / "log.txt");
  run_process({"vvp", "bench"}, folder.path(), folder / "log.txt");
  EXPECT_THAT(read_text_file(folder / "log.txt"), ::testing::HasSubstr("PASS"));
}

INSTANTIATE_TEST_SUITE_P(Rtl, ModuleBench,
                         ::testing::Values("mac_lane_tb", "multiplier_tb", "requantize_tb", "isqrt_tb", "divide_tb"));

// What the budget of DSPs and LUTs stands on: each lane is one or two DSP48E1 with all its registers and no adder
// outside.
class YosysPacksLanes : public ::testing::TestWithParam<std::array<int, 3>> {};

TEST_P(YosysPacksLanes, IntoDspsAlone) {
  SKIP_WITHOUT("yosys");
  const auto [activation, weight, dsps] = GetParam();
  const TemporaryFolder folder;
  const std::string rtl = std::string(ODENET_HW_FOLDER) + "/rtl/";
  run_process({"yosys", "-q", "-p",
               fmt::format("read_verilog -I{0} {0}mac_lane.v {0}mac_array.v {0}select.v; "
                           "chparam -set ACTIVATION_WIDTH {1} -set WEIGHT_WIDTH {2} -set MAC_DSPS {3} mac_array; "
                           "synth_xilinx -family xc7 -flatten -noiopad -top mac_array; tee -o stat.txt stat",
                           rtl, activation, weight, dsps)},
              folder.path(), folder / "log.txt");
  run_process({"awk", "-f", std::string(ODENET_HW_FOLDER) + "/export/utilisation.awk", "stat.txt"}, folder.path(),
              folder / "log.txt");
  const auto table = nlohmann::json::parse(read_text_file(folder / "utilisation.json"));
  const auto used = [&](const char* cell) { return table.at(cell).at("used").get<double>(); };
  const int bits = 48 * dsps;  // of a sum
  EXPECT_EQ(used("DSP48E1"), dsps * 16);
  EXPECT_LE(used("FF"), 16 * bits + 2 * bits + bits + 1);  // finished sums and the two registers of their selection
  EXPECT_LE(used("LUT"), 360 * dsps);                      // that selection; one adder more each lane would be 768
}

INSTANTIATE_TEST_SUITE_P(Rtl, YosysPacksLanes,
                         ::testing::Values(std::array{32, 25, 2}, std::array{16, 16, 1}, std::array{25, 18, 1},
                                           std::array{18, 25, 1}));

// Why ram.v is made of 32-bit wide memories: what Yosys 0.23 makes of wider ones is wrong.
TEST(Rtl, YosysUsesNoBlockRamOf72Bits) {
  SKIP_WITHOUT("yosys");
  const TemporaryFolder folder;
  run_process({"yosys", "-q", "-p",
               fmt::format("read_verilog -I{0} {0}/ram.v; synth_xilinx -family xc7 -flatten -noiopad -top ram; "
                           "write_verilog -noattr netlist.v",
                           std::string(ODENET_HW_FOLDER) + "/rtl")},
              folder.path(), folder / "log.txt");
  const std::string netlist = read_text_file(folder / "netlist.v");
  EXPECT_THAT(netlist, ::testing::HasSubstr("WRITE_WIDTH_B(32'd36)"));
  EXPECT_THAT(netlist, ::testing::Not(::testing::HasSubstr("WIDTH_B(32'd72)")));
}

TEST(HardwareFiles, AreThoseOfTheRepository) {
  EXPECT_GT(hardware_files().size(), 15u);
  for (const auto& [path, text] : hardware_files())
    EXPECT_EQ(text, read_text_file(std::string(ODENET_HW_FOLDER) + "/" + path)) << path;
}

}  // namespace
}  // namespace odenet::engine
