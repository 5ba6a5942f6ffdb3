// What the benchmark program measures: each function registers a subcommand.
#pragma once

#include <CLI/CLI.hpp>

namespace odenet::bench {

void add_training(CLI::App& app);
void add_inference(CLI::App& app);
void add_gradients(CLI::App& app);
void add_adaptive(CLI::App& app);

}  // namespace odenet::bench
