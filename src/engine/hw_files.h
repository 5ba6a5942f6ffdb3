// The engine's Verilog sources, test benches and synthesis script, as the binary was built with: an exported folder
// needs nothing else.
//
//   for (const engine::HwFile& file : engine::hw_files()) write_file(folder / file.path, file.text);
#pragma once

#include <span>
#include <string_view>

namespace odenet::engine {

struct HwFile {
  std::string_view path;  // below hw/: "rtl/engine.v", "tb/engine_tb.v", "synth/engine.ys"
  std::string_view text;
};

std::span<const HwFile> hw_files();  // sorted by path

}  // namespace odenet::engine
