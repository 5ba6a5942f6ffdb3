// Which part of a network an engine computes, found by the hash of its contents: one block, or all of it.
//
//   auto device = driver::open_device("uio");
//   driver::Resident resident = driver::find_resident(*device, net);
//   driver::Accelerator accelerator(std::move(device), resident.program);
//   resident.replace(runner, [&](std::span<const int32_t> in) { return accelerator.run(in); });
//
// Throws Error if the device is no engine, and if it holds neither the network nor one of its blocks; it then says what
// keeps each from being it.
#pragma once

#include <optional>

#include "driver/device.h"
#include "engine/compiler.h"
#include "fixed/runner.h"

namespace odenet::driver {

struct Resident {
  std::optional<size_t> block;  // in Network::blocks; nothing: the whole network
  engine::Program program;

  // From now on the runner lets `function` compute it.
  void replace(fixed::Runner& runner, fixed::Runner::BlockFunction function) const;
};

Resident find_resident(Device& device, const fixed::Network& network);

}  // namespace odenet::driver
