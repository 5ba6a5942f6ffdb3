// The synthesised netlist of an exported folder: its ROMs, and what it computes.
#include <gmock/gmock.h>

#include "core/file.h"
#include "engine/export.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::engine {
namespace {

using ::testing::HasSubstr;

// One lane, whose weights are enough for block RAMs.
TEST(Gate, NetlistHoldsTheRomsAndComputesAsTheIntegerNetwork) {
  SKIP_WITHOUT("make");
  SKIP_WITHOUT("yosys");
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("python3");
  const odenet::testing::TemporaryFolder folder;
  const std::filesystem::path out = folder / "engine";
  const NetworkSpec spec = odenet::testing::small_spec();
  const fixed::Network net = fixed::quantize(odenet::testing::synthetic_checkpoint(spec, 1));
  export_folder(net, odenet::testing::random_images(spec, 2, 1), out, {.layer = "layer2_2", .macs = 1});
  const auto make = [&](const std::string& target) {
    run_process({"make", target, "GATE_CFLAGS=-O0"}, out, folder / "make.log");
    return read_text_file(folder / "make.log");
  };

  const std::string text = make("gate-sim");
  EXPECT_THAT(text, ::testing::ContainsRegex("rom/weights_00.hex: .*, 25 of 25 columns found"));
  EXPECT_THAT(text, HasSubstr("gate: 1 images as the integer network computes them"));

  // One bit of one weight in the netlist.
  std::string netlist = read_text_file(out / "build/netlist.v");
  const size_t cell = netlist.find("weight_rom.memory.0.0 "), line = netlist.rfind(".INIT_00(256'", cell),
               digit = netlist.find(')', line) - 1;
  ASSERT_LT(digit, cell);
  netlist[digit] = netlist[digit] == '0' ? '1' : '0';
  write_file(out / "build/netlist.v", netlist);
  EXPECT_ERROR(make("check-netlist"), "rom/weights_00.hex", "columns found");
}

}  // namespace
}  // namespace odenet::engine
