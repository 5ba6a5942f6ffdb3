// The files of hw/ that an exported folder needs, as they were when the program was built.
//
//   std::string_view text = engine::hardware_files().at("rtl/engine.v");
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace odenet::engine {

// Path below hw/ -> text: "rtl/...", "tb/engine_tb.v", "export/Makefile", ...
const std::map<std::string, std::string_view>& hardware_files();

}  // namespace odenet::engine
