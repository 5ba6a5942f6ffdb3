#include "engine/device.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.h"

namespace odenet::engine {
namespace {

// From the product tables DS190 (Zynq-7000) and DS180 (Artix-7).
constexpr Device kDevices[] = {
    {"xc7z010", 80, 60, 17600, 35200},
    {"xc7z020", 220, 140, 53200, 106400},
    {"xc7a100t", 240, 135, 63400, 126800},
};

// Which resource a cell takes, and how many: distributed memory of several ports takes a 6-input LUT a port.
struct Cell {
  const char* name;
  int dsp, bram18, lut, ff;
};
constexpr Cell kCells[] = {
    {"DSP48E1", 1, 0, 0, 0},  {"RAMB36E1", 0, 2, 0, 0},  {"RAMB18E1", 0, 1, 0, 0}, {"LUT1", 0, 0, 1, 0},
    {"LUT2", 0, 0, 1, 0},     {"LUT3", 0, 0, 1, 0},      {"LUT4", 0, 0, 1, 0},     {"LUT5", 0, 0, 1, 0},
    {"LUT6", 0, 0, 1, 0},     {"LUT6_2", 0, 0, 1, 0},    {"INV", 0, 0, 1, 0},      {"SRL16E", 0, 0, 1, 0},
    {"SRLC32E", 0, 0, 1, 0},  {"RAM32X1S", 0, 0, 1, 0},  {"RAM64X1S", 0, 0, 1, 0}, {"RAM32X1D", 0, 0, 2, 0},
    {"RAM64X1D", 0, 0, 2, 0}, {"RAM128X1D", 0, 0, 4, 0}, {"RAM32M", 0, 0, 4, 0},   {"RAM64M", 0, 0, 4, 0},
    {"FDRE", 0, 0, 0, 1},     {"FDSE", 0, 0, 0, 1},      {"FDCE", 0, 0, 0, 1},     {"FDPE", 0, 0, 0, 1},
};
// Cells that take none of the four.
constexpr const char* kFree[] = {"CARRY4", "MUXF7", "MUXF8", "BUFG", "IBUF", "OBUF", "VCC", "GND"};

}  // namespace

std::span<const Device> devices() { return kDevices; }

const Device& find_device(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Device& device : kDevices) {
    if (name == device.name) return device;
    names.emplace_back(device.name);
  }
  throw Error("unknown device {}; known: {}", name, fmt::join(names, ", "));
}

Utilization parse_yosys_stat(const std::string& text, const std::string& source) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto path = nlohmann::json::json_pointer("/design/num_cells_by_type");
  if (json.is_discarded() || !json.contains(path) || !json.at(path).is_object())
    throw Error("{}: not the output of Yosys's `stat -json`", source);

  Utilization used;
  int bram18 = 0;
  for (const auto& [name, value] : json.at(path).items()) {
    if (!value.is_number_unsigned()) throw Error("{}: number of cells {} is not a number", source, name);
    const int count = value.get<int>();
    const auto cell = std::find_if(std::begin(kCells), std::end(kCells), [&](const Cell& c) { return name == c.name; });
    if (cell == std::end(kCells)) {
      if (std::find(std::begin(kFree), std::end(kFree), name) == std::end(kFree))
        throw Error("{}: unknown cell {}; was the design flattened and mapped by synth_xilinx?", source, name);
      continue;
    }
    used.dsp += count * cell->dsp;
    bram18 += count * cell->bram18;
    used.lut += count * cell->lut;
    used.ff += count * cell->ff;
  }
  used.bram36 = bram18 / 2.0;
  return used;
}

}  // namespace odenet::engine
