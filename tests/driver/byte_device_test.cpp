#include "driver/byte_device.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/expect_error.h"

namespace odenet::driver {
namespace {

// The other end of the line: answers first, then what was asked.
class ByteDeviceTest : public ::testing::Test {
 protected:
  ByteDeviceTest() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw Error("no socket pair");
    end_ = ends[1];
    device_ = std::make_unique<ByteDevice>(ends[0], "line");
  }
  ~ByteDeviceTest() override { hang_up(); }

  void answer(const std::string& bytes) {
    ASSERT_EQ(::write(end_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::string asked() {
    std::string bytes(1000, '\0');
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(::read(end_, bytes.data(), bytes.size()), 0)));
    return bytes;
  }
  void hang_up() {
    if (end_ >= 0) ::close(end_);
    end_ = -1;
  }

  int end_ = -1;
  std::unique_ptr<ByteDevice> device_;
};

TEST_F(ByteDeviceTest, SpeaksTheProtocol) {
  using namespace std::string_literals;
  answer("\0\x78\x56\x34\xf2"s);
  EXPECT_EQ(device_->read(0x10c), 0xf2345678u);
  EXPECT_EQ(asked(), "R\x0c\x01");
  answer("\0"s);
  device_->write(0x08, 0x80000003);
  EXPECT_EQ(asked(), "W\x08\0\x03\0\0\x80"s);
  answer("\x01\0\0\0\xfe\xff\xff\xff\x03\0\0\0"s);
  EXPECT_EQ(device_->transfer(std::vector<int32_t>{-1, 258}, 3), (std::vector<int32_t>{1, -2, 3}));
  EXPECT_EQ(asked(), "T\x02\0\0\0\x03\0\0\0\xff\xff\xff\xff\x02\x01\0\0"s);
}

TEST_F(ByteDeviceTest, ReportsRefusalsAndSilence) {
  using namespace std::string_literals;
  answer("\x02\0\0\0\0"s);
  EXPECT_ERROR(device_->read(0x7c), "line", "refused to read register 0x7c");
  answer("\x02"s);
  EXPECT_ERROR(device_->write(0x00, 1), "refused to write register 0x00");
  answer("\x01\x02"s);
  ::shutdown(end_, SHUT_WR);
  EXPECT_ERROR(device_->transfer({}, 1), "does not answer", "2 of 4 bytes");
}

}  // namespace
}  // namespace odenet::driver
