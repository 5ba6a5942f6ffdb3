// Runs other programs: the tools that simulate and draw.
//
//   require_tool("verilator", "verilator");
//   run_process({"make", "simulator"}, folder, folder / "build.log");
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace odenet {

// Throws Error naming the Debian package unless `tool` is in PATH.
void require_tool(const std::string& tool, const std::string& package);

// Runs `command` in `folder`, its output going to the file `log`, and waits for it. Throws Error with the end of the
// log if it cannot be started or does not exit with 0.
void run_process(const std::vector<std::string>& command, const std::filesystem::path& folder,
                 const std::filesystem::path& log);

}  // namespace odenet
