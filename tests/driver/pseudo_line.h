// A serial line that is none: a pseudo-terminal whose other end is the simulated engine's socket.
//
//   PseudoLine line(socket);
//   open_device("serial:" + line.path());
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "core/error.h"
#include "driver/byte_device.h"

namespace odenet::driver::testing {

class PseudoLine {
 public:
  explicit PseudoLine(const std::string& socket) : terminal_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (terminal_ < 0 || ::grantpt(terminal_) != 0 || ::unlockpt(terminal_) != 0) throw Error("no pseudo-terminal");
    path_ = ::ptsname(terminal_);
    open_end_ = ::open(path_.c_str(), O_RDWR | O_NOCTTY);  // or reading fails while no one has opened it
    engine_ = connect_socket(socket);
    copier_ = std::thread([this] { copy(); });
  }
  ~PseudoLine() {
    ended_ = true;
    copier_.join();
    for (const int descriptor : {terminal_, open_end_, engine_}) ::close(descriptor);
  }
  PseudoLine(const PseudoLine&) = delete;
  PseudoLine& operator=(const PseudoLine&) = delete;

  const std::string& path() const { return path_; }

 private:
  void copy() {
    pollfd ends[] = {{terminal_, POLLIN, 0}, {engine_, POLLIN, 0}};
    while (!ended_) {
      if (::poll(ends, 2, /*milliseconds=*/20) <= 0) continue;
      for (const int from : {0, 1}) {
        char bytes[4096];
        const ssize_t count = ends[from].revents & POLLIN ? ::read(ends[from].fd, bytes, sizeof bytes) : 0;
        for (ssize_t written = 0; written < count;) {
          const ssize_t part = ::write(ends[1 - from].fd, bytes + written, static_cast<size_t>(count - written));
          if (part <= 0) return;
          written += part;
        }
      }
    }
  }

  int terminal_, open_end_ = -1, engine_ = -1;
  std::string path_;
  std::atomic<bool> ended_ = false;
  std::thread copier_;
};

}  // namespace odenet::driver::testing
