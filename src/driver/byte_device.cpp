#include "driver/byte_device.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace odenet::driver {
namespace {

[[noreturn]] void fail(const std::string& name, const char* what) {
  throw Error("{}: cannot {}: {}", name, what, std::strerror(errno));
}

void append(std::vector<unsigned char>& bytes, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<unsigned char>(value >> 8 * i));
}

// A break resets the board; nothing happens where the descriptor is no serial line.
void send_break(int descriptor) {
  ::tcsendbreak(descriptor, 0);
  ::tcflush(descriptor, TCIOFLUSH);
}

uint32_t word_at(std::span<const unsigned char> bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{bytes[at + i]} << 8 * i;
  return value;
}

}  // namespace

int connect_socket(const std::string& path, int seconds) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error("{}: a socket's path has at most {} characters", path, sizeof address.sun_path - 1);
  path.copy(address.sun_path, path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail(path, "make a socket");
  const timeval patience{.tv_sec = seconds, .tv_usec = 0};
  for (const int way : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(descriptor, SOL_SOCKET, way, &patience, sizeof patience);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
    fail(path, "reach the simulated engine; is `make device` of the exported folder running?");
  }
  return descriptor;
}

int open_serial_line(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "open the serial line");
  termios settings{};
  settings.c_cflag = CS8 | CREAD | CLOCAL;
  settings.c_cc[VMIN] = 0;
  settings.c_cc[VTIME] = 100;  // tenths of a second
  ::cfsetspeed(&settings, B1000000);
  if (::tcsetattr(descriptor, TCSAFLUSH, &settings) != 0) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
    fail(path, "set up the serial line");
  }
  send_break(descriptor);  // an earlier host may have ended in the middle of a transfer
  return descriptor;
}

ByteDevice::ByteDevice(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}

ByteDevice::~ByteDevice() { ::close(descriptor_); }

uint32_t ByteDevice::read(uint32_t offset) {
  std::vector<unsigned char> bytes{'R'};
  append(bytes, offset, 2);
  send(bytes);
  const auto reply = receive(5);
  check(reply[0], "read", offset);
  return word_at(reply, 1);
}

void ByteDevice::write(uint32_t offset, uint32_t value) {
  std::vector<unsigned char> bytes{'W'};
  append(bytes, offset, 2);
  append(bytes, value, 4);
  send(bytes);
  check(receive(1)[0], "write", offset);
}

std::vector<int32_t> ByteDevice::transfer(std::span<const int32_t> image, size_t out_count) {
  std::vector<unsigned char> bytes{'T'};
  bytes.reserve(9 + 4 * image.size());
  append(bytes, static_cast<uint32_t>(image.size()), 4);
  append(bytes, static_cast<uint32_t>(out_count), 4);
  for (const int32_t value : image) append(bytes, static_cast<uint32_t>(value), 4);
  send(bytes);
  const auto reply = receive(4 * out_count);
  std::vector<int32_t> result(out_count);
  for (size_t i = 0; i < out_count; ++i) result[i] = static_cast<int32_t>(word_at(reply, 4 * i));
  return result;
}

void ByteDevice::reset() {
  send_break(descriptor_);
  Device::reset();
}

void ByteDevice::send(const std::vector<unsigned char>& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::write(descriptor_, bytes.data() + sent, bytes.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(name_, "send to the engine");
    sent += static_cast<size_t>(count);
  }
}

std::vector<unsigned char> ByteDevice::receive(size_t count) {
  std::vector<unsigned char> bytes(count);
  for (size_t received = 0; received < count;) {
    const ssize_t part = ::read(descriptor_, bytes.data() + received, count - received);
    if (part < 0 && errno == EINTR) continue;
    const bool silent = part == 0 || (part < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    if (part < 0 && !silent) fail(name_, "receive from the engine");
    if (silent) throw Error("{}: the engine does not answer: {} of {} bytes came", name_, received, count);
    received += static_cast<size_t>(part);
  }
  return bytes;
}

void ByteDevice::check(unsigned char response, const char* what, uint32_t offset) const {
  if (response != 0)
    throw Error("{}: the engine refused to {} register 0x{:02x} (response {})", name_, what, offset, response);
}

}  // namespace odenet::driver
