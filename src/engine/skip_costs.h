// What a block's skip connection costs on the engine: the block with the full, the short and no skip, side by side, as
// Table II of the NonResNet paper compares a residual and a non-residual block.
//
//   for (const engine::SkipCost& row : engine::skip_costs(block, net.formats(), lanes, device)) ... row.cycles
//   fmt::print("{}", engine::to_text(rows, device.family));
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/program.h"
#include "engine/resources.h"
#include "fixed/network.h"

namespace odenet::engine {

// Bits of an engine's memories.
struct MemoryBits {
  int64_t maps = 0, weights = 0, tables = 0, program = 0;
};
MemoryBits memory_bits(const Program& program);
void to_json(nlohmann::json& json, const MemoryBits& bits);

struct SkipCost {
  Skip skip = Skip::kFull;
  bool own = false;    // the skip that the block has
  int64_t cycles = 0;  // that compute an image
  MemoryBits memory{};
  Resources resources{};
};

// Of the skips with which an engine can run the block; nothing for ODEBlocks, whose sum is the integration. A
// projection that the block has belongs to its skip.
std::vector<SkipCost> skip_costs(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes,
                                 const Device& device);

std::string to_text(std::span<const SkipCost> costs, DeviceFamily family);
void to_json(nlohmann::json& json, const SkipCost& cost);

}  // namespace odenet::engine
