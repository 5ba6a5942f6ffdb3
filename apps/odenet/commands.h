// The subcommands: each adds its options to `app` and leaves the work to a callback. One file each.
#pragma once

#include <CLI/CLI.hpp>

namespace odenet {

// Thrown by a command that has said all there is to say, and ends with this status.
struct ExitStatus {
  int code;
};

void add_info(CLI::App& app);
void add_data(CLI::App& app);
void add_train(CLI::App& app);
void add_eval(CLI::App& app);
void add_compare(CLI::App& app);
void add_quantize(CLI::App& app);
void add_export_fpga(CLI::App& app);

}  // namespace odenet
