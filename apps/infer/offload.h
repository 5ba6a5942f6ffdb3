// The block of a network that an engine holds, or all of it, computed there.
//
//   Offload offload("uio", network);
//   offload.resident().replace(runner, [&](std::span<const int32_t> in) { return offload.run(in); });
//
// Throws Error as driver/resident.h and driver/accelerator.h do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "driver/accelerator.h"
#include "driver/resident.h"
#include "fixed/network.h"

namespace odenet::infer {

class Offload {
 public:
  Offload(const std::string& device, const fixed::Network& network);

  const driver::Resident& resident() const { return resident_; }
  std::vector<int32_t> run(std::span<const int32_t> images) { return accelerator_->run(images); }

  // What the engine counted.
  std::string to_text() const;
  nlohmann::json to_json() const;

 private:
  std::string device_;
  driver::Resident resident_;
  std::unique_ptr<driver::Accelerator> accelerator_;
};

}  // namespace odenet::infer
