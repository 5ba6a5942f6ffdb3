// The Verilated bridge_engine behind a Unix socket: a board without a board. The bytes on the socket are those of
// host_bridge.v, one a clock cycle at most; time stands still while the engine waits for the host.
//
//   Vbridge_engine SOCKET        creates SOCKET, prints "listening", serves one host after another until it is ended
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "Vbridge_engine.h"
#include "verilated.h"

namespace {

// Bytes to and from the host, a buffer each way.
class Host {
 public:
  explicit Host(int socket) : socket_(socket) {}
  ~Host() { ::close(socket_); }

  bool has_byte() const { return at_ < in_.size(); }
  unsigned char byte() const { return in_[at_]; }
  void pop() { ++at_; }

  // Waits for bytes; false when the host has gone.
  bool receive() {
    if (!flush()) return false;
    in_.resize(1 << 16);
    const ssize_t count = ::read(socket_, in_.data(), in_.size());
    in_.resize(count > 0 ? static_cast<size_t>(count) : 0);
    at_ = 0;
    return count > 0;
  }

  // Whether receive() would not wait: there are bytes, or the host has gone.
  bool calls() const {
    pollfd socket{socket_, POLLIN, 0};
    return ::poll(&socket, 1, 0) > 0;
  }

  void send(unsigned char byte) { out_.push_back(byte); }

 private:
  bool flush() {
    for (size_t sent = 0; sent < out_.size();) {
      const ssize_t count = ::send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<size_t>(count);
    }
    out_.clear();
    return true;
  }

  int socket_;
  size_t at_ = 0;
  std::vector<unsigned char> in_, out_;
};

class Device {
 public:
  Device() { model_.clk = 0; }

  void reset() {
    model_.rst = 1;
    model_.rx_valid = 0;
    model_.tx_ready = 0;
    for (int i = 0; i < 4; ++i) cycle();
    model_.rst = 0;
  }

  void serve(Host& host) {
    constexpr unsigned kCycles = 1 << 16;  // a look at the socket takes as long as some hundred
    model_.tx_ready = 1;
    for (unsigned cycles = 1;; ++cycles) {
      // The engine computes: the host may have lost its patience, or have gone.
      if (cycles % kCycles == 0 && !host.has_byte() && host.calls() && !host.receive()) return;
      model_.rx_valid = host.has_byte();
      if (host.has_byte()) model_.rx_data = host.byte();
      model_.eval();
      if (model_.rx_ready && !host.has_byte()) {  // nothing but the host can go on
        if (!host.receive()) return;
        continue;
      }
      const bool taken = model_.rx_valid && model_.rx_ready, sent = model_.tx_valid;
      const unsigned char byte = model_.tx_data;
      cycle();
      if (taken) host.pop();
      if (sent) host.send(byte);
    }
  }

 private:
  void cycle() {
    model_.clk = 1;
    model_.eval();
    model_.clk = 0;
    model_.eval();
  }

  Vbridge_engine model_;
};

int fail(const char* what) {
  std::fprintf(stderr, "sim_device: %s: %s\n", what, std::strerror(errno));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
    return 2;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(argv[1]) >= sizeof address.sun_path) {
    std::fprintf(stderr, "sim_device: %s: a socket's path has at most %zu characters\n", argv[1],
                 sizeof address.sun_path - 1);
    return 2;
  }
  std::strcpy(address.sun_path, argv[1]);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener < 0) return fail("socket");
  ::unlink(argv[1]);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return fail(argv[1]);
  if (::listen(listener, 1) != 0) return fail("listen");
  std::puts("listening");
  std::fflush(stdout);

  Device device;
  for (;;) {
    const int connection = ::accept(listener, nullptr, nullptr);
    if (connection < 0) return fail("accept");
    Host host(connection);
    device.reset();
    device.serve(host);
  }
}
