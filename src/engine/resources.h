// What an engine takes of a device: DSPs exactly, block RAMs, LUTs and flip-flops as estimated from what each module of
// hw/rtl is made of. tests/engine/resources.csv has the counts of Yosys 0.23 (`make synth` of an exported folder) for
// the engines that tests/engine/named_engines.h names; the estimates are within 10 % of them. UltraScale+ is taken for
// 7 series.
//
//   engine::Resources used = engine::estimate(program, engine::kXc7z020.family);
//   double share = engine::largest_share(used, engine::kXc7z020);     // 0.47: of its block RAMs, say
//   engine::require_fits(program, engine::kXc7z020);   // Error that says how many DSPs or block RAMs are too many
//   double blocks = engine::block_rams(program.parameters);
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "engine/placement.h"
#include "engine/program.h"

namespace odenet::engine {

// DSPs: DSP48E1 or E2, or MULT18X18D. Block RAMs: of 36 Kib, those of 18 Kib counting half, or DP16KD of 18 Kib. LUTs
// include those that are shift registers, inverters and (ECP5) carry chains.
struct Resources {
  double dsp = 0, block_rams = 0, luts = 0, flip_flops = 0;
};

struct ResourceKind {
  std::string_view name;
  double Resources::*count;
  std::string_view xilinx, ecp5;  // the cell

  std::string_view cell(DeviceFamily family) const { return family == DeviceFamily::kXilinx ? xilinx : ecp5; }
};

inline constexpr ResourceKind kResourceKinds[] = {
    {"dsp", &Resources::dsp, "DSP48", "MULT18X18D"},
    {"block_rams", &Resources::block_rams, "BRAM36", "DP16KD"},
    {"luts", &Resources::luts, "LUT", "LUT4"},
    {"flip_flops", &Resources::flip_flops, "FF", "FF"},
};

void to_json(nlohmann::json& json, const Resources& resources);  // by the kinds' names

struct Device {
  std::string_view name;
  DeviceFamily family = DeviceFamily::kXilinx;
  Resources has{};
};

inline constexpr Device kXc7z020{"XC7Z020", DeviceFamily::kXilinx, {220, 140, 53200, 106400}};
inline constexpr Device kXczu7ev{"XCZU7EV", DeviceFamily::kXilinx, {1728, 312, 230400, 460800}};
inline constexpr Device kLfe5u85f{"LFE5U-85F", DeviceFamily::kEcp5, {156, 208, 83640, 83640}};
inline constexpr Device kDevices[] = {kXc7z020, kXczu7ev, kLfe5u85f};

// By its name in lower or upper case; an unknown one is an Error that lists all.
const Device& find_device(std::string_view name);

// Of the engine (`make synth`), whose weights and tables cannot be rewritten.
Resources estimate(const Program& program, DeviceFamily family);

// Of the device's kinds of resources the one of which it takes most; more than 1: it does not fit.
double largest_share(const Resources& resources, const Device& device);

// For each multiply-accumulate unit one or two DSP48s, or one to four MULT18X18Ds; further ones for the norm.
int dsps(const Parameters& parameters, DeviceFamily family = DeviceFamily::kXilinx);

// Block RAMs, at most: those of an engine whose weights and tables can be rewritten.
double block_rams(const Parameters& parameters, DeviceFamily family = DeviceFamily::kXilinx);

// As far as DSPs and memories go, with weights and tables that can be rewritten.
void require_fits(const Program& program, const Device& device);

}  // namespace odenet::engine
