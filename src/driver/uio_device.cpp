#include "driver/uio_device.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "core/error.h"
#include "core/file.h"

namespace odenet::driver {
namespace fs = std::filesystem;

namespace {

constexpr size_t kWindow = 4096;                        // bytes of registers
constexpr auto kMoment = std::chrono::milliseconds(1);  // longer than any DMA takes for a word

// Registers of a DMA channel, as words from the channel's first one.
constexpr uint32_t kMemoryToStream = 0x00 / 4, kStreamToMemory = 0x30 / 4;  // the channels
constexpr uint32_t kControl = 0, kStatus = 1, kAddress = 6, kAddressHigh = 7, kLength = 10;
constexpr uint32_t kRun = 1u << 0, kReset = 1u << 2;  // of kControl
constexpr uint32_t kIdle = 1u << 1, kErrors = 0x70;   // of kStatus
constexpr uint32_t kInterrupts = 0x7000;              // of kStatus, cleared by writing 1

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
  return text;
}

// The UIO device of that name in the device tree: "uio0".
std::string find_uio(const fs::path& system, const std::string& name) {
  if (fs::is_directory(system / "uio"))
    for (const fs::directory_entry& entry : fs::directory_iterator(system / "uio"))
      if (fs::exists(entry.path() / "name") && trimmed(read_text_file(entry.path() / "name")) == name)
        return entry.path().filename();
  throw Error("{}: no UIO device called {}; is the bitstream loaded, and is it in the device tree?",
              (system / "uio").string(), name);
}

uint64_t number_in(const fs::path& path) {
  const std::string text = trimmed(read_text_file(path));
  try {
    return std::stoull(text, nullptr, 0);
  } catch (const std::logic_error&) {
    throw Error("{}: '{}' is no number", path.string(), text);
  }
}

// Orders what the processor and the DMA see of the buffer.
void barrier() { std::atomic_thread_fence(std::memory_order_seq_cst); }

}  // namespace

UioDevice::Mapping::Mapping(const fs::path& path, size_t bytes) : bytes_(bytes) {
  const int file = ::open(path.c_str(), O_RDWR | O_SYNC | O_CLOEXEC);
  if (file < 0) throw Error("{}: cannot open: {}", path.string(), std::strerror(errno));
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) throw Error("{}: cannot map {} bytes: {}", path.string(), bytes, std::strerror(errno));
  words_ = static_cast<volatile uint32_t*>(memory);
}

UioDevice::Mapping::~Mapping() { ::munmap(const_cast<uint32_t*>(words_), bytes_); }

UioDevice::UioDevice(const fs::path& system, const fs::path& devices, std::chrono::milliseconds timeout)
    : timeout_(timeout),
      engine_(devices / find_uio(system, "odenet-engine"), kWindow),
      dma_(devices / find_uio(system, "odenet-dma"), kWindow),
      buffer_address_(number_in(system / "u-dma-buf/odenet-buffer/phys_addr")),
      buffer_(devices / "odenet-buffer", number_in(system / "u-dma-buf/odenet-buffer/size")) {
  reset_dma();
}

uint32_t UioDevice::read(uint32_t offset) { return engine_[offset / 4]; }

void UioDevice::write(uint32_t offset, uint32_t value) { engine_[offset / 4] = value; }

std::vector<int32_t> UioDevice::transfer(std::span<const int32_t> image, size_t out_count) {
  const size_t in_bytes = 4 * image.size(), out_bytes = 4 * out_count;
  if (in_bytes + out_bytes > buffer_.bytes())
    throw Error("odenet-buffer has {} bytes, an image in and one out need {}", buffer_.bytes(), in_bytes + out_bytes);
  for (size_t i = 0; i < image.size(); ++i) buffer_[i] = static_cast<uint32_t>(image[i]);
  barrier();
  start(kStreamToMemory, buffer_address_ + in_bytes, out_bytes);
  start(kMemoryToStream, buffer_address_, in_bytes);
  wait(kMemoryToStream, "send an image");
  wait(kStreamToMemory, "receive an image");
  if (const uint32_t received = dma_[kStreamToMemory + kLength]; received != out_bytes)
    throw Error("odenet-dma: received {} bytes of {}", received, out_bytes);
  barrier();
  std::vector<int32_t> result(out_count);
  for (size_t i = 0; i < out_count; ++i) result[i] = static_cast<int32_t>(buffer_[image.size() + i]);
  return result;
}

void UioDevice::reset() {
  reset_dma();  // first, or the engine takes the rest of an image for the next one
  Device::reset();
  // A word that the engine has offered stays offered (hw/axi/stream_out.v). It goes to the buffer now, or it would be
  // the next image's first one.
  start(kStreamToMemory, buffer_address_, 4);
  std::this_thread::sleep_for(kMoment);
  reset_dma();
}

void UioDevice::reset_dma() {
  dma_[kMemoryToStream + kControl] = kReset;  // of both channels
  const auto end = std::chrono::steady_clock::now() + timeout_;
  while (dma_[kMemoryToStream + kControl] & kReset)
    if (std::chrono::steady_clock::now() > end) throw Error("odenet-dma: its reset does not end; is there a clock?");
}

void UioDevice::start(uint32_t channel, uint64_t address, size_t bytes) {
  dma_[channel + kControl] = kRun;
  dma_[channel + kStatus] = kInterrupts;
  dma_[channel + kAddress] = static_cast<uint32_t>(address);
  dma_[channel + kAddressHigh] = static_cast<uint32_t>(address >> 32);
  barrier();
  dma_[channel + kLength] = static_cast<uint32_t>(bytes);  // starts it
}

void UioDevice::wait(uint32_t channel, const char* what) {
  const auto end = std::chrono::steady_clock::now() + timeout_;
  for (;;) {
    const bool late = std::chrono::steady_clock::now() > end;  // before the status: what has come in time counts
    const uint32_t status = dma_[channel + kStatus];
    if (status & kErrors) throw Error("odenet-dma: cannot {}: an error (status 0x{:08x})", what, status);
    if (status & kIdle) return;
    if (late) throw Error("odenet-dma: cannot {}: it takes too long (status 0x{:08x})", what, status);
    std::this_thread::yield();
  }
}

}  // namespace odenet::driver
