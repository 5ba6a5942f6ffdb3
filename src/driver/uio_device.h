// The engine of a Zynq board under Linux: its registers and those of the AXI DMA through UIO, maps through a u-dma-buf.
// The device tree names two generic-uio nodes "odenet-engine" and "odenet-dma" and a u-dma-buf "odenet-buffer" of at
// least the bytes of an image in and one out; hw/boards/README.md has it.
//
//   UioDevice device;
//   device.transfer(z0, 4096);
//
// DMA registers: AMD PG021, "Direct Register Mode".
#pragma once

#include <chrono>
#include <filesystem>

#include "driver/device.h"

namespace odenet::driver {

class UioDevice : public Device {
 public:
  // system: where the kernel shows its devices, devices: where their files are.
  // timeout: of an image each way.
  explicit UioDevice(const std::filesystem::path& system = "/sys/class", const std::filesystem::path& devices = "/dev",
                     std::chrono::milliseconds timeout = std::chrono::seconds(10));
  uint32_t read(uint32_t offset) override;
  void write(uint32_t offset, uint32_t value) override;
  std::vector<int32_t> transfer(std::span<const int32_t> image, size_t out_count) override;
  void reset() override;

 private:
  // A device file in memory.
  class Mapping {
   public:
    Mapping(const std::filesystem::path& path, size_t bytes);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    volatile uint32_t& operator[](size_t word) { return words_[word]; }
    size_t bytes() const { return bytes_; }

   private:
    volatile uint32_t* words_;
    size_t bytes_;
  };

  void reset_dma();
  void start(uint32_t channel, uint64_t address, size_t bytes);
  void wait(uint32_t channel, const char* what);

  std::chrono::milliseconds timeout_;
  Mapping engine_, dma_;
  uint64_t buffer_address_;  // as the DMA sees it
  Mapping buffer_;
};

}  // namespace odenet::driver
