// The estimates against what Yosys counted (resources.csv), and what Yosys counts today against that.
//
//   ODENET_MEASURE_RESOURCES=all engine_tests --gtest_filter='Resources.*'
//
// measures every engine again, an hour on one core, and writes resources.csv; instead of "all" a part of the names.
#include "engine/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "core/file.h"
#include "engine/export.h"
#include "named_engines.h"
#include "support/engine_network.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::engine {
namespace {

using testing::kNamedEngines;
using testing::NamedEngine;

constexpr const char* kCountsFile = ODENET_TESTS_FOLDER "/resources.csv";
constexpr const char* kHeader = "engine,family,dsp,block_rams,luts,flip_flops\n";

struct NamedFamily {
  const char* name;
  DeviceFamily family;
  const char* command;  // makes cells.txt in an exported folder
};
constexpr NamedFamily kFamilies[] = {
    {"xc7", DeviceFamily::kXilinx, "make synth && cp build/cells.txt ."},
    {"ecp5", DeviceFamily::kEcp5,
     "yosys -q -p 'read_verilog -defer -I. -Irtl rtl/*.v; synth_ecp5 -top engine; tee -o cells.txt stat'"},
};

// What a cell counts.
struct Cell {
  const char* name;
  double Resources::*kind;
  double count;
};
constexpr Cell kCells[] = {
    // as in hw/export/utilisation.awk
    {"DSP48E1", &Resources::dsp, 1},
    {"RAMB36E1", &Resources::block_rams, 1},
    {"RAMB18E1", &Resources::block_rams, 0.5},
    {"LUT1", &Resources::luts, 1},
    {"LUT2", &Resources::luts, 1},
    {"LUT3", &Resources::luts, 1},
    {"LUT4", &Resources::luts, 1},
    {"LUT5", &Resources::luts, 1},
    {"LUT6", &Resources::luts, 1},
    {"INV", &Resources::luts, 1},
    {"SRL16E", &Resources::luts, 1},
    {"SRLC32E", &Resources::luts, 1},
    {"RAM32M", &Resources::luts, 4},
    {"RAM64M", &Resources::luts, 4},
    {"RAM32X1D", &Resources::luts, 2},
    {"RAM64X1D", &Resources::luts, 2},
    {"RAM128X1D", &Resources::luts, 4},
    {"FDRE", &Resources::flip_flops, 1},
    {"FDSE", &Resources::flip_flops, 1},
    {"FDCE", &Resources::flip_flops, 1},
    {"FDPE", &Resources::flip_flops, 1},
    // ECP5: a carry cell takes the place of two LUTs, as nextpnr counts
    {"MULT18X18D", &Resources::dsp, 1},
    {"DP16KD", &Resources::block_rams, 1},
    {"CCU2C", &Resources::luts, 2},
    {"TRELLIS_DPR16X4", &Resources::luts, 4},
    {"TRELLIS_FF", &Resources::flip_flops, 1},
};

Resources measure(const NamedEngine& engine, const NamedFamily& family) {
  const odenet::testing::TemporaryFolder folder;
  write_engine(engine.compile(), 1, folder.path());
  run_process({"sh", "-c", family.command}, folder.path(), folder / "log.txt");
  Resources counted;
  std::istringstream lines(read_text_file(folder / "cells.txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    double count = 0;
    if (!(words >> name >> count)) continue;
    for (const Cell& cell : kCells)
      if (name == cell.name) counted.*cell.kind += cell.count * count;
  }
  return counted;
}

using Counts = std::map<std::string, Resources>;  // of "engine,family"

Counts stored_counts() {
  Counts counts;
  std::istringstream lines(read_text_file(kCountsFile));
  std::string line;
  std::getline(lines, line);
  if (line + "\n" != kHeader) throw Error("{}: its first line is '{}', expected {}", kCountsFile, line, kHeader);
  while (std::getline(lines, line)) {
    const size_t comma = line.find(',', line.find(',') + 1);
    Resources& row = counts[line.substr(0, comma)];
    std::istringstream values(line.substr(comma));
    for (const ResourceKind& kind : kResourceKinds)
      if (char separator = 0; !(values >> separator >> row.*kind.count))
        throw Error("{}: line '{}' is no row of numbers", kCountsFile, line);
  }
  return counts;
}

std::string key(const NamedEngine& engine, const NamedFamily& family) {
  return fmt::format("{},{}", engine.name, family.name);
}

void measure_again(const std::string& part) {
  Counts counts = stored_counts();
  for (const NamedFamily& family : kFamilies)
    for (const NamedEngine& engine : kNamedEngines) {
      const std::string name = key(engine, family);
      if (part != "all" && name.find(part) == std::string::npos) continue;
      counts[name] = measure(engine, family);
      std::string text = kHeader;
      for (const NamedFamily& f : kFamilies)
        for (const NamedEngine& e : kNamedEngines)
          if (const auto row = counts.find(key(e, f)); row != counts.end()) {
            text += row->first;
            for (const ResourceKind& kind : kResourceKinds) text += fmt::format(",{:g}", row->second.*kind.count);
            text += "\n";
          }
      write_file(kCountsFile, text);  // after each, for it takes long
    }
}

TEST(Resources, EstimatesAreNearWhatYosysCounted) {
  const Counts counts = stored_counts();
  for (const NamedFamily& family : kFamilies)
    for (const NamedEngine& engine : kNamedEngines) {
      const std::string name = key(engine, family);
      const auto found = counts.find(name);
      if (found == counts.end() && family.family == DeviceFamily::kEcp5) continue;  // measured for some only
      ASSERT_NE(found, counts.end()) << name << " is not in " << kCountsFile;
      const Resources& counted = found->second;
      const Resources estimated = estimate(engine.compile(), family.family);
      EXPECT_EQ(estimated.dsp, counted.dsp) << name;
      for (const ResourceKind& kind : kResourceKinds)
        EXPECT_NEAR(estimated.*kind.count, counted.*kind.count, 0.1 * counted.*kind.count) << name << ": " << kind.name;
    }
}

// Slow where it measures; a change of the RTL that costs cells shows in the smallest engine already.
TEST(Resources, YosysCountsWhatItCounted) {
  SKIP_WITHOUT("make");
  SKIP_WITHOUT("yosys");
  if (const char* part = std::getenv("ODENET_MEASURE_RESOURCES")) measure_again(part);
  const NamedEngine& smallest = kNamedEngines[0];
  const Resources counted = measure(smallest, kFamilies[0]), stored = stored_counts().at(key(smallest, kFamilies[0]));
  for (const ResourceKind& kind : kResourceKinds)
    EXPECT_NEAR(counted.*kind.count, stored.*kind.count, 0.02 * stored.*kind.count)
        << kind.name << " of " << smallest.name
        << " have changed: measure all engines again, see the top of resources_test.cpp";
}

TEST(Resources, DevicesByName) {
  EXPECT_EQ(find_device("xczu7ev").has.dsp, 1728);
  EXPECT_EQ(find_device("LFE5U-85F").family, DeviceFamily::kEcp5);
  EXPECT_ERROR(find_device("xc7z01"), "xc7z01", "XC7Z020, XCZU7EV, LFE5U-85F");
}

TEST(Resources, TheScarcestOneCounts) {
  EXPECT_DOUBLE_EQ(largest_share({110, 70, 5320, 1000}, kXc7z020), 0.5);
  EXPECT_DOUBLE_EQ(largest_share({110, 70, 53201, 1000}, kXc7z020), 53201.0 / 53200);
  EXPECT_DOUBLE_EQ(largest_share({0, 0, 0, 106400}, kXc7z020), 1);
}

// A ROM of few words lies in LUTs, one of zeros nowhere; one of positive numbers is narrower.
TEST(Resources, DependOnTheContentsOfTheRoms) {
  Program program = NamedEngine{"", {.channels = 64, .executions = 6}, 8}.compile();
  const Resources random = estimate(program, DeviceFamily::kXilinx);
  Program narrow = program;
  for (int32_t& scale : narrow.scale) scale &= 0xfffff;
  EXPECT_EQ(estimate(narrow, DeviceFamily::kXilinx).block_rams, random.block_rams - 1);
  EXPECT_GT(estimate(narrow, DeviceFamily::kXilinx).luts, random.luts + 200);
  Program zero = program;
  for (int32_t& bias : zero.time_bias) bias = 0;
  EXPECT_EQ(estimate(zero, DeviceFamily::kXilinx).block_rams, random.block_rams - 6.5);
  EXPECT_LT(estimate(zero, DeviceFamily::kXilinx).luts, random.luts);
}

}  // namespace
}  // namespace odenet::engine
