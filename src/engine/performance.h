// What a network takes on a processor alone, and with one of its blocks or all of it on the engine: the ODENet paper's
// Table 4 for this engine, from its exact cycles and with the transfer of the maps included.
//
//   Performance p = project(net.spec, "layer3_2.0", cycles(program), /*megahertz=*/100);
//   fmt::print("{}", to_text(p));      // p.speedup() = p.processor_ms() / p.accelerated_ms()
//
// The processor is the paper's Cortex-A9 at 650 MHz. Of the 16 models of Table 4 it prints the total and layer3_2; the
// other layers share the rest in proportion to their multiply-adds. Any other model takes for each multiply-add what
// the paper's four ResNets take together.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/cycles.h"
#include "spec/network_spec.h"

namespace odenet::engine {

// A row of Table 4, in seconds and as printed; layer3_2 on the paper's conv_x16 at 100 MHz. ResNets have no FPGA
// columns.
struct PaperTimes {
  const char* model;
  double total, layer3_2;
  double fpga_layer3_2, fpga_total, speedup;  // 0: not printed
};
const PaperTimes* paper_times(const std::string& model);  // null: not in the table

struct LayerTime {
  std::string name;  // a stage, conv1 or fc
  int64_t multiply_adds = 0;
  double processor_ms = 0;    // of the whole stage
  double accelerated_ms = 0;  // the same, with the block, or all, on the engine
};

struct Performance {
  std::vector<LayerTime> layers;
  double compute_ms = 0, transfer_ms = 0;  // of the engine, an image: maps in and out at one activation a cycle
  const PaperTimes* paper = nullptr;       // null: estimated from multiply-adds

  double processor_ms() const;
  double accelerated_ms() const;
  double speedup() const { return processor_ms() / accelerated_ms(); }
};

Performance project(const NetworkSpec& spec, const std::string& block, const Cycles& image, double megahertz);

// Of the program of a whole network: the image's transfer counts to the first layer, that of the logits to the last.
Performance project(const NetworkSpec& spec, const Program& network, double megahertz);

std::string to_text(const Performance& performance);
void to_json(nlohmann::json& json, const Performance& performance);

}  // namespace odenet::engine
