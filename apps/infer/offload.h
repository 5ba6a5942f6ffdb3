// The block of a network that an engine holds, computed there.
//
//   Offload offload("uio", network);
//   runner.replace_block(offload.index(), [&](std::span<const int32_t> z0) { return offload.run(z0); });
//
// Throws Error as driver/resident_block.h and driver/accelerator.h do.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "driver/accelerator.h"
#include "fixed/network.h"

namespace odenet::infer {

class Offload {
 public:
  Offload(const std::string& device, const fixed::Network& network);

  size_t index() const { return index_; }
  std::vector<int32_t> run(std::span<const int32_t> images) { return accelerator_->run(images); }

  // What the engine counted.
  std::string to_text() const;
  nlohmann::json to_json() const;

 private:
  std::string device_, block_;
  size_t index_ = 0;
  std::unique_ptr<driver::Accelerator> accelerator_;
};

}  // namespace odenet::infer
