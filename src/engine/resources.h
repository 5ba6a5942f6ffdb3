// What an engine takes of a device of Xilinx 7 or UltraScale+. Block RAMs are an upper bound: Yosys merges block RAMs
// of equal contents.
//
//   engine::require_fits(program, engine::kXc7z020);   // Error that says how many DSPs or block RAMs are too many
//   double blocks = engine::block_rams(program.parameters);
#pragma once

#include <string_view>

#include "engine/program.h"

namespace odenet::engine {

struct Device {
  std::string_view name;
  int dsp = 0;
  double block_rams = 0;  // of 36 Kib
};

inline constexpr Device kXc7z020{.name = "XC7Z020", .dsp = 220, .block_rams = 140};
inline constexpr Device kXczu7ev{.name = "XCZU7EV", .dsp = 1728, .block_rams = 312};
inline constexpr Device kDevices[] = {kXc7z020, kXczu7ev};

// One or two for each multiply-accumulate unit, four for the norm's multiplier.
inline int dsps(const Parameters& parameters) { return parameters.mac_dsps * parameters.macs() + 4; }

// Block RAMs of 36 Kib at most; those of 18 Kib count half.
double block_rams(const Parameters& parameters);

void require_fits(const Program& program, const Device& device);

}  // namespace odenet::engine
