// A socket where an engine seems to listen: the protocol of hw/host/host_bridge.v, the block computed by the integer
// network.
//
//   FakeEngine engine(folder / "socket", net, /*block=*/3);
//   run({"net.safetensors", "images.bin", "--device", "socket:socket"});
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "driver/fake_device.h"
#include "fixed/runner.h"

namespace odenet::infer::testing {

class FakeEngine {
 public:
  FakeEngine(const std::string& path, const fixed::Network& net, size_t block)
      : registers_(engine::compile(net.blocks[block], net.formats(), 8)),
        runner_(net.blocks[block], net.formats(), 1),
        listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1) != 0)
      throw Error("{}: {}", path, std::strerror(errno));
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeEngine() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;

 private:
  void serve() {
    for (int host; (host = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(host))
      for (char request; ::recv(host, &request, 1, MSG_WAITALL) == 1;) answer(host, request);
  }

  void answer(int host, char request) {
    if (request == 'R') {
      std::string reply(1, '\0');
      append(reply, registers_.read(receive(host, 2)));
      send(host, reply);
    } else if (request == 'W') {
      const uint32_t offset = receive(host, 2);
      registers_.write(offset, receive(host, 4));
      send(host, std::string(1, '\0'));
    } else {
      std::vector<int32_t> image(receive(host, 4));
      receive(host, 4);  // words out
      for (int32_t& value : image) value = static_cast<int32_t>(receive(host, 4));
      std::string reply;
      for (const int32_t value : runner_.run(image)) append(reply, static_cast<uint32_t>(value));
      send(host, reply);
    }
  }

  static uint32_t receive(int host, size_t bytes) {
    unsigned char buffer[4] = {};
    if (::recv(host, buffer, bytes, MSG_WAITALL) != static_cast<ssize_t>(bytes)) return 0;
    return buffer[0] | buffer[1] << 8 | buffer[2] << 16 | static_cast<uint32_t>(buffer[3]) << 24;
  }
  static void append(std::string& bytes, uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> 8 * i);
  }
  static void send(int host, const std::string& bytes) { ::send(host, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  driver::testing::FakeDevice registers_;
  fixed::BlockRunner runner_;
  int listener_;
  std::thread thread_;
};

}  // namespace odenet::infer::testing
