// UioDevice against a kernel made of files and an AXI DMA made of a thread.
#include "driver/uio_device.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::driver {
namespace {

constexpr uint64_t kBase = 0x10000000;  // of the buffer, as the DMA sees it
constexpr size_t kBytes = 4096;

class UioDeviceTest : public ::testing::Test {
 protected:
  UioDeviceTest() {
    for (const auto& [uio, name] : {std::pair{"uio3", "other"}, {"uio5", "odenet-engine"}, {"uio7", "odenet-dma"}}) {
      create_folder(folder_ / "sys/uio" / uio);
      write_file(folder_ / "sys/uio" / uio / "name", std::string(name) + "\n");
    }
    create_folder(folder_ / "sys/u-dma-buf/odenet-buffer");
    write_file(folder_ / "sys/u-dma-buf/odenet-buffer/phys_addr", "0x10000000\n");
    write_file(folder_ / "sys/u-dma-buf/odenet-buffer/size", "4096\n");
    create_folder(folder_ / "dev");
    engine_ = map("uio5");
    dma_ = map("uio7");
    buffer_ = map("odenet-buffer");
    thread_ = std::thread([this] { emulate(); });
  }
  ~UioDeviceTest() override {
    stop_ = true;
    thread_.join();
  }

  UioDevice open(std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    return UioDevice(folder_ / "sys", folder_ / "dev", timeout);
  }

  volatile uint32_t* map(const std::string& name) {
    write_file(folder_ / "dev" / name, std::string(kBytes, '\0'));
    const int file = ::open((folder_ / "dev" / name).c_str(), O_RDWR);
    void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return static_cast<volatile uint32_t*>(memory);
  }

  // Both channels of the DMA, and an engine that adds one. A word left of an earlier image comes first, unless the
  // channel was started for it before a reset.
  void emulate() {
    enum { kControl = 0, kStatus = 1, kAddress = 6, kLength = 10, kReceive = 12 };
    while (!stop_) {
      if (dma_[kControl] & 4) {
        if (dma_[kReceive + kLength] != 0) left_ = false;
        dma_[kLength] = 0;
        dma_[kReceive + kLength] = 0;
        dma_[kControl] = 0;
      }
      const uint32_t in = dma_[kLength], out = dma_[kReceive + kLength];
      if (in == 0 || out == 0 || silent_) {
        std::this_thread::yield();
        continue;
      }
      dma_[kLength] = 0;
      dma_[kReceive + kLength] = 0;
      if (fail_) {
        dma_[kStatus] = 0x40;
        continue;
      }
      const uint64_t from = (dma_[kAddress] - kBase) / 4, to = (dma_[kReceive + kAddress] - kBase) / 4;
      for (uint32_t i = 0; i < out / 4; ++i) buffer_[to + i] = left_.exchange(false) ? 99 : buffer_[from + i] + 1;
      dma_[kReceive + kLength] = short_ ? out - 4 : out;
      std::atomic_thread_fence(std::memory_order_seq_cst);
      dma_[kStatus] = 2;
      dma_[kReceive + kStatus] = 2;
    }
  }

  odenet::testing::TemporaryFolder folder_;
  volatile uint32_t* engine_;
  volatile uint32_t* dma_;
  volatile uint32_t* buffer_;
  std::atomic<bool> stop_ = false, fail_ = false, silent_ = false, short_ = false, left_ = false;
  std::thread thread_;
};

TEST_F(UioDeviceTest, ReadsAndWritesRegisters) {
  UioDevice device = open();
  engine_[3] = 77;
  EXPECT_EQ(device.read(0x0c), 77u);
  device.write(0x10, 0xfedcba98);
  EXPECT_EQ(engine_[4], 0xfedcba98u);
}

TEST_F(UioDeviceTest, TransfersImages) {
  UioDevice device = open();
  EXPECT_EQ(device.transfer(std::vector<int32_t>{5, -1, INT32_MIN}, 3), (std::vector<int32_t>{6, 0, INT32_MIN + 1}));
  EXPECT_EQ(device.transfer(std::vector<int32_t>{7, 8}, 2), (std::vector<int32_t>{8, 9}));
  EXPECT_ERROR(device.transfer(std::vector<int32_t>(600), 600), "odenet-buffer has 4096 bytes", "4800");
}

TEST_F(UioDeviceTest, ReportsErrorsOfTheDma) {
  UioDevice device = open();
  fail_ = true;
  EXPECT_ERROR(device.transfer(std::vector<int32_t>{1}, 1), "odenet-dma", "cannot send", "an error", "0x00000040");
  fail_ = false;
  device.reset();
  EXPECT_EQ(device.transfer(std::vector<int32_t>{1}, 1), std::vector<int32_t>{2});
  short_ = true;
  EXPECT_ERROR(device.transfer(std::vector<int32_t>{1, 2, 3}, 3), "received 8 bytes of 12");
}

TEST_F(UioDeviceTest, GivesUp) {
  UioDevice device = open(std::chrono::milliseconds(50));
  silent_ = true;
  EXPECT_ERROR(device.transfer(std::vector<int32_t>{1}, 1), "cannot send", "it takes too long");
}

TEST_F(UioDeviceTest, ResetsTheEngineAndTakesWhatIsLeft) {
  UioDevice device = open();
  left_ = true;
  device.reset();
  EXPECT_EQ(engine_[2], 3u) << "ENABLE, RESET";
  EXPECT_FALSE(left_);
  EXPECT_EQ(device.transfer(std::vector<int32_t>{7, 8}, 2), (std::vector<int32_t>{8, 9}));
}

TEST_F(UioDeviceTest, SaysWhatIsMissing) {
  write_file(folder_ / "sys/u-dma-buf/odenet-buffer/size", "big\n");
  EXPECT_ERROR(open(), "size", "'big' is no number");
  write_file(folder_ / "sys/uio/uio7/name", "other\n");
  EXPECT_ERROR(open(), "no UIO device called odenet-dma");
}

}  // namespace
}  // namespace odenet::driver
