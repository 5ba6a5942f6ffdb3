// Ways to reach an engine: its registers and its two streams.
//
//   auto device = driver::open_device("socket:/tmp/engine.socket");    // the simulated engine: make device
//   uint32_t id = device->read(engine::reg::kId);
//   std::vector<int32_t> z1 = device->transfer(z0, out_count);         // one image in, one out
//
// Kinds, see device_kinds():
//   socket:PATH     the Verilated engine of an exported folder
//   serial:PATH     a board with host_bridge.v behind a serial line of one megabaud (ecp5-85f)
//   uio             a Zynq board under Linux (pynq-z2, zcu104): see driver/uio_device.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace odenet::driver {

class Device {
 public:
  virtual ~Device() = default;

  // offset: of engine/registers.h. Throws Error if the engine cannot be reached, and where bytes carry the answer also
  // if it refuses. On a Zynq a refusal is a bus error, which ends the process: do nothing that registers.md says is
  // refused.
  virtual uint32_t read(uint32_t offset) = 0;
  virtual void write(uint32_t offset, uint32_t value) = 0;

  // Sends one image and receives out_count activations. After an Error only reset() helps.
  virtual std::vector<int32_t> transfer(std::span<const int32_t> image, size_t out_count) = 0;

  // Resets the engine and the way to it; an image that is in them is lost.
  virtual void reset();
};

std::string device_kinds();  // for help: "socket:PATH, serial:PATH, uio"

// Throws Error if the name is of no kind, or the device cannot be opened.
std::unique_ptr<Device> open_device(const std::string& name);

}  // namespace odenet::driver
