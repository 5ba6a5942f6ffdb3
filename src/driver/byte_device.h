// An engine behind a stream of bytes, in the protocol of hw/host/host_bridge.v.
//
//   ByteDevice device(connect_socket("/tmp/engine.socket"), "/tmp/engine.socket");
#pragma once

#include <string>

#include "driver/device.h"

namespace odenet::driver {

// File descriptors for a ByteDevice; Error if they cannot be opened.
// Reading and writing give up after so many seconds of silence. A simulated engine may take minutes an image.
int connect_socket(const std::string& path, int seconds = 600);  // Unix socket of the simulated engine
int open_serial_line(const std::string& path);                   // raw, one megabaud; ten seconds

class ByteDevice : public Device {
 public:
  // Owns the descriptor. name: for messages.
  ByteDevice(int descriptor, std::string name);
  ~ByteDevice() override;
  ByteDevice(const ByteDevice&) = delete;
  ByteDevice& operator=(const ByteDevice&) = delete;

  uint32_t read(uint32_t offset) override;
  void write(uint32_t offset, uint32_t value) override;
  std::vector<int32_t> transfer(std::span<const int32_t> image, size_t out_count) override;
  void reset() override;

 private:
  void send(const std::vector<unsigned char>& bytes);
  std::vector<unsigned char> receive(size_t count);
  void check(unsigned char response, const char* what, uint32_t offset) const;

  int descriptor_;
  std::string name_;
};

}  // namespace odenet::driver
