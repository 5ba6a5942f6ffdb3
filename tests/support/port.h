// Ports of this machine for programs under test.
//
//   const int port = free_port();
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace odenet::testing {

// A socket at a port of 127.0.0.1 that was free.
class Port {
 public:
  Port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const pointer = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, pointer, length) != 0 || ::getsockname(socket_, pointer, &length) != 0)
      throw std::runtime_error("no free port on 127.0.0.1");
    number_ = ntohs(address.sin_port);
  }
  ~Port() { ::close(socket_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  int number() const { return number_; }
  void listen() { ASSERT_EQ(::listen(socket_, 8), 0); }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  int number_ = 0;
};

inline int free_port() { return Port().number(); }

}  // namespace odenet::testing
