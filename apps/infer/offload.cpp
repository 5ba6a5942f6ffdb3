#include "offload.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "driver/resident_block.h"

namespace odenet::infer {

Offload::Offload(const std::string& device, const fixed::Network& network) : device_(device) {
  auto opened = driver::open_device(device);
  const driver::ResidentBlock resident = driver::find_resident_block(*opened, network);
  index_ = resident.index;
  block_ = resident.program.block;
  accelerator_ = std::make_unique<driver::Accelerator>(std::move(opened), resident.program);
}

std::string Offload::to_text() const {
  const driver::Counters& c = accelerator_->totals();
  const auto each = [&](int64_t cycles) { return cycles / std::max(c.images, int64_t{1}); };
  return fmt::format("{} on {}: {} images, {} cycles each to load, {} to compute, {} to store; {} saturations", block_,
                     device_, c.images, each(c.load_cycles), each(c.compute_cycles), each(c.store_cycles),
                     c.saturations);
}

nlohmann::json Offload::to_json() const {
  const driver::Counters& c = accelerator_->totals();
  return {{"device", device_},
          {"block", block_},
          {"images", c.images},
          {"load_cycles", c.load_cycles},
          {"compute_cycles", c.compute_cycles},
          {"store_cycles", c.store_cycles},
          {"saturations", c.saturations}};
}

}  // namespace odenet::infer
