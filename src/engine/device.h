// What an FPGA has and what a synthesised engine takes of it.
//
//   const engine::Device& device = engine::find_device("xc7z020");
//   engine::Utilization used = engine::parse_yosys_stat(read_text_file("utilization.json"), "utilization.json");
//   used.fits(device);   // used.dsp of device.dsp, ...
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace odenet::engine {

struct Device {
  const char* name;  // "xc7z020"
  int dsp;           // DSP48E1
  int bram36;        // RAMB36E1, each also two RAMB18E1
  int lut;           // 6-input
  int ff;
};

std::span<const Device> devices();
const Device& find_device(std::string_view name);  // Error lists the known ones

struct Utilization {
  int dsp = 0;
  double bram36 = 0;  // a RAMB18E1 is half a one
  int lut = 0;        // logic, inverters, shift registers and distributed memory
  int ff = 0;

  bool fits(const Device& device) const {
    return dsp <= device.dsp && bram36 <= device.bram36 && lut <= device.lut && ff <= device.ff;
  }
};

// The output of Yosys's `stat -json` after synth_xilinx; `source` names it in errors. Counts the design's top module,
// so the design must be flat.
Utilization parse_yosys_stat(const std::string& text, const std::string& source);

}  // namespace odenet::engine
