// The files that turn hw/rtl into one particular engine: contents of its memories for $readmemh, one word a line, and
// its parameters as `define lines.
//
//   for (const auto& [path, text] : engine::rom_files(program)) write_file(folder / path, text);
//
// "engine_config.vh" belongs on the include path of all three tools (-I); the others are read at simulation or
// synthesis time relative to the current folder, as "rom/<name>.hex": create that folder first. Layouts: hw/README.md.
#pragma once

#include <map>
#include <span>
#include <string>

#include "engine/program.h"

namespace odenet::engine {

inline constexpr const char *kConfigFile = "engine_config.vh", *kProgramFile = "program.hex";

// Path -> text. `folder` of the memory contents, "" for the current one.
std::map<std::string, std::string> rom_files(const Program& program, const std::string& folder = "rom");

// Two's complement, width / 4 digits rounded up, one value a line: also the format of the test bench's inputs and
// outputs (width 32).
std::string hex_lines(std::span<const int32_t> values, int width);

}  // namespace odenet::engine
