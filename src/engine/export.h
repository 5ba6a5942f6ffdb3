// Writes a self-contained folder for one block, or for the whole network: RTL, ROM files, test bench with golden
// vectors, Makefile and report.
//
//   ExportReport report = export_folder(net, test_images, "engine", {.layer = "layer3_2", .macs = 16});
//   fmt::print("{}", to_text(report));            // then: make -C engine lint sim synth
//
// What each file is stands in hw/export/README.txt. The folder appears complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/compiler.h"
#include "engine/cycles.h"
#include "engine/performance.h"
#include "engine/skip_costs.h"
#include "fixed/accumulator_proof.h"
#include "fixed/network.h"

namespace odenet::engine {

// The block called `layer` ("layer3_2.0"), or the only one of that stage ("layer3_2"). An unknown layer is an Error
// that lists all and says which an engine can run.
size_t find_block(const fixed::Network& network, const std::string& layer);

struct ExportOptions {
  std::string layer{};  // empty: the whole network
  int macs = 16;
  double megahertz = 100;         // for the milliseconds of the report
  Device device = kXc7z020;       // whose memories must suffice
  bool replace = false;           // an existing folder
  std::vector<int32_t> labels{};  // of the images, 0 to 255; empty: 0 in golden/images.bin
};

struct ExportReport {
  std::string model{};
  int64_t images = 0;  // golden ones
  double megahertz = 100;
  Program program{};
  fixed::Formats formats{};
  Cycles cycles{};          // of an image
  int64_t step_cycles = 0;  // of a block's step: an execution, or as many as a Runge-Kutta method has stages
  Performance performance{};
  Device device{};                                // for which it was checked
  Resources resources{};                          // estimated
  std::vector<SkipCost> skips{};                  // of a block that is no ODEBlock
  std::optional<fixed::Accuracy> accuracy{};      // of the network, as measured when it was quantized
  std::vector<fixed::AccumulatorProof> proofs{};  // of its convolutions
  std::string hash{};                             // FNV-1a of the files that make up the engine, 16 hexadecimal digits
  uint32_t network_crc = 0;                       // CRC-32 of network.safetensors' tensors, in the order of their names

  double milliseconds(int64_t count) const { return microseconds(count, megahertz) / 1000; }
};

// images: [N, 3, H, W] bytes, at least one; they, what the engine gets and gives for them, and their logits become the
// golden vectors.
ExportReport export_folder(const fixed::Network& network, std::span<const uint8_t> images,
                           const std::filesystem::path& out, const ExportOptions& options);

// The engine alone, without golden vectors and report, into an existing folder; what Simulator needs.
void write_engine(const Program& program, int64_t golden_images, const std::filesystem::path& folder);

std::string to_text(const ExportReport& report);
void to_json(nlohmann::json& json, const ExportReport& report);

}  // namespace odenet::engine
