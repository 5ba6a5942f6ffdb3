#include "offload.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace odenet::infer {

Offload::Offload(const std::string& device, const fixed::Network& network) : device_(device) {
  auto opened = driver::open_device(device);
  resident_ = driver::find_resident(*opened, network);
  accelerator_ = std::make_unique<driver::Accelerator>(std::move(opened), resident_.program);
}

std::string Offload::to_text() const {
  const driver::Counters& c = accelerator_->totals();
  const auto each = [&](int64_t cycles) { return cycles / std::max(c.images, int64_t{1}); };
  return fmt::format("{} on {}: {} images, {} cycles each to load, {} to compute, {} to store; {} saturations",
                     resident_.program.name, device_, c.images, each(c.load_cycles), each(c.compute_cycles),
                     each(c.store_cycles), c.saturations);
}

nlohmann::json Offload::to_json() const {
  const driver::Counters& c = accelerator_->totals();
  return {{"device", device_},
          {resident_.block ? "block" : "network", resident_.program.name},
          {"images", c.images},
          {"load_cycles", c.load_cycles},
          {"compute_cycles", c.compute_cycles},
          {"store_cycles", c.store_cycles},
          {"saturations", c.saturations}};
}

}  // namespace odenet::infer
