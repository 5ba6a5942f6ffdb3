// An engine that computes one block of a network, or all of it, checked to be the right one.
//
//   engine::Program program = engine::compile(block, net.formats(), macs);
//   driver::Accelerator accelerator(driver::open_device("uio"), program);
//   runner.replace_block(index, [&](std::span<const int32_t> z0) { return accelerator.run(z0); });
//   accelerator.totals().saturations
//
// Throws Error if the device is no engine, one of another interface, or holds another program; and if the engine
// reports a fault. driver/resident.h finds the program of an engine that holds a network or one of its blocks.
#pragma once

#include <memory>
#include <string>

#include "driver/device.h"
#include "engine/program.h"

namespace odenet::driver {

// What the engine itself counted.
struct Counters {
  int64_t images = 0, load_cycles = 0, compute_cycles = 0, store_cycles = 0, saturations = 0;

  Counters& operator+=(const Counters& other);
};

// What an engine says of itself.
struct Contents {
  engine::Lanes lanes;
  bool writable = false;             // weights and tables can be rewritten
  size_t in_size = 0, out_size = 0;  // activations of an image
  uint64_t hash = 0;                 // engine::program_hash
  uint32_t shape = 0;                // engine::shape_hash
};

// Throws Error if the device is no engine, or one of another interface.
Contents read_contents(Device& device);

class Accelerator {
 public:
  // rewrite: an engine that holds another program of the same shape gets this one's weights and tables.
  Accelerator(std::unique_ptr<Device> device, const engine::Program& program, bool rewrite = false);

  // [N, C, H, W] -> [N, C', H', W'].
  std::vector<int32_t> run(std::span<const int32_t> images);

  Counters counters();                                // of the last image
  const Counters& totals() const { return totals_; }  // of all that run() got

  Device& device() { return *device_; }

 private:
  void rewrite(const engine::Program& program);
  void require_no_fault();
  std::string give_up();

  std::unique_ptr<Device> device_;
  Contents contents_;
  Counters totals_;
};

}  // namespace odenet::driver
