#include "engine/device.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::engine {
namespace {

std::string stat(const std::string& cells) { return R"({"design": {"num_cells_by_type": {)" + cells + "}}}"; }

TEST(Device, KnowsThePaperSBoard) {
  const Device& device = find_device("xc7z020");
  EXPECT_EQ(device.dsp, 220);
  EXPECT_EQ(device.bram36, 140);
  EXPECT_EQ(device.lut, 53200);
  EXPECT_EQ(device.ff, 106400);
  EXPECT_ERROR(find_device("xc7z999"), "xc7z999", "xc7z020");
}

TEST(Utilization, CountsTheCells) {
  const Utilization used =
      parse_yosys_stat(stat(R"("DSP48E1": 36, "RAMB36E1": 60, "RAMB18E1": 13, "LUT2": 10, "LUT6": 5, "SRL16E": 3,
                               "INV": 1, "RAM32M": 2, "FDRE": 7, "FDSE": 2, "CARRY4": 9, "MUXF7": 4)"),
                       "stat.json");
  EXPECT_EQ(used.dsp, 36);
  EXPECT_EQ(used.bram36, 66.5);
  EXPECT_EQ(used.lut, 10 + 5 + 3 + 1 + 4 * 2);
  EXPECT_EQ(used.ff, 9);
  EXPECT_TRUE(used.fits(find_device("xc7z020")));
}

TEST(Utilization, FitsExactly) {
  Utilization used{.dsp = 220, .bram36 = 140, .lut = 53200, .ff = 106400};
  const Device& device = find_device("xc7z020");
  EXPECT_TRUE(used.fits(device));
  used.bram36 += 0.5;
  EXPECT_FALSE(used.fits(device));
}

TEST(Utilization, RefusesOtherFiles) {
  EXPECT_ERROR(parse_yosys_stat("", "a.json"), "a.json", "stat -json");
  EXPECT_ERROR(parse_yosys_stat("{}", "a.json"), "a.json", "stat -json");
  EXPECT_ERROR(parse_yosys_stat(stat(R"("mac_lane": 16)"), "a.json"), "a.json", "mac_lane", "flattened");
  EXPECT_ERROR(parse_yosys_stat(stat(R"("LUT2": -1)"), "a.json"), "LUT2", "not a number");
}

}  // namespace
}  // namespace odenet::engine
