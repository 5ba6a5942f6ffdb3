// Which block of a network an engine computes, found by the hash of its contents.
//
//   auto device = driver::open_device("uio");
//   driver::ResidentBlock block = driver::find_resident_block(*device, net);
//   driver::Accelerator accelerator(std::move(device), block.program);
//   runner.replace_block(block.index, [&](std::span<const int32_t> z0) { return accelerator.run(z0); });
//
// Throws Error if the device is no engine, and if it holds none of the blocks; it then says what keeps each from being
// it.
#pragma once

#include "driver/device.h"
#include "engine/compiler.h"

namespace odenet::driver {

struct ResidentBlock {
  size_t index = 0;  // in Network::blocks
  engine::Program program;
};

ResidentBlock find_resident_block(Device& device, const fixed::Network& network);

}  // namespace odenet::driver
