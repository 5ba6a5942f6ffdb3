// An engine that computes one block of a network, checked to be the right one.
//
//   engine::Program program = engine::compile(block, net.formats(), macs);
//   driver::Accelerator accelerator(driver::open_device("uio"), program);
//   runner.replace_block(index, [&](std::span<const int32_t> z0) { return accelerator.run(z0); });
//
// Throws Error if the device is no engine, one of another interface, or holds another program; and if the engine
// reports a fault.
#pragma once

#include <memory>

#include "driver/device.h"
#include "engine/compiler.h"

namespace odenet::driver {

struct Counters {
  uint32_t load_cycles = 0, compute_cycles = 0, store_cycles = 0, saturations = 0;
};

class Accelerator {
 public:
  // rewrite: an engine that holds another program of the same size gets this one's weights and tables.
  Accelerator(std::unique_ptr<Device> device, const engine::Program& program, bool rewrite = false);

  // The multiply-accumulate lanes of an engine, which a program for it must have.
  static int macs(Device& device);

  // [N, C, H, W] -> [N, C', H', W'].
  std::vector<int32_t> run(std::span<const int32_t> images);

  Counters counters();  // of the last image

  Device& device() { return *device_; }

 private:
  void rewrite(const engine::Program& program);

  std::unique_ptr<Device> device_;
  size_t in_size_, out_size_;
};

}  // namespace odenet::driver
