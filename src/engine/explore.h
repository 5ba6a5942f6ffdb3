// What a block costs on engines of every size, without building one.
//
//   for (const EngineSize& size : engine::explore(block, net.formats())) ... size.macs, size.cycles, size.dsp
//   fmt::print("{}", engine::to_text(sizes, 100));
//
// Cycles and DSPs are those of the engine; block RAMs an upper bound (engine/resources.h).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/compiler.h"
#include "engine/resources.h"

namespace odenet::engine {

struct EngineSize {
  int macs = 0;
  std::string refused{};  // why there is no such engine; then the rest is zero
  Lanes lanes{};
  int64_t cycles = 0;  // that compute an image
  int dsp = 0;
  double block_rams = 0;

  bool fits(const Device& device) const { return dsp <= device.dsp && block_rams <= device.block_rams; }
};

std::vector<EngineSize> explore(const fixed::Block& block, const fixed::Formats& formats);

std::string to_text(std::span<const EngineSize> sizes, double megahertz);
void to_json(nlohmann::json& json, const EngineSize& size);

}  // namespace odenet::engine
