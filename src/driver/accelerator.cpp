#include "driver/accelerator.h"

#include "core/error.h"
#include "engine/registers.h"

namespace odenet::driver {
namespace reg = engine::reg;

namespace {

constexpr uint32_t kFaults = engine::kStatusFault | engine::kStatusStreamError;

uint64_t hash_of(Device& device) { return uint64_t{device.read(reg::kHashHigh)} << 32 | device.read(reg::kHashLow); }

// "0x5, BUSY, FAULT"
std::string describe_status(uint32_t status) {
  std::string text = fmt::format("0x{:x}", status);
  for (const engine::Register& r : engine::registers())
    if (r.offset == reg::kStatus)
      for (const engine::RegisterBit& bit : r.bits)
        if (status & bit.mask) text += fmt::format(", {}", bit.name);
  return text;
}

}  // namespace

Counters& Counters::operator+=(const Counters& other) {
  images += other.images;
  load_cycles += other.load_cycles;
  compute_cycles += other.compute_cycles;
  store_cycles += other.store_cycles;
  saturations += other.saturations;
  return *this;
}

Contents read_contents(Device& device) {
  const uint32_t id = device.read(reg::kId), version = device.read(reg::kVersion);
  if (id != engine::kDeviceId)
    throw Error("no engine there: its ID is 0x{:08x}, expected 0x{:08x}", id, engine::kDeviceId);
  if (version >> 16 != engine::kDeviceVersion >> 16)
    throw Error("the engine has interface {}, this program knows {}", version >> 16, engine::kDeviceVersion >> 16);
  const uint32_t lanes = device.read(reg::kLanes);
  return {.lanes = {.oc = static_cast<int>(lanes & 0xff), .px = static_cast<int>(lanes >> 8 & 0xff)},
          .writable = (lanes >> 16 & 1) != 0,
          .in_size = device.read(reg::kInBeats),
          .out_size = device.read(reg::kOutBeats),
          .hash = hash_of(device),
          .shape = device.read(reg::kShape)};
}

Accelerator::Accelerator(std::unique_ptr<Device> device, const engine::Program& program, bool rewrite_memories)
    : device_(std::move(device)), contents_(read_contents(*device_)) {
  device_->reset();
  device_->write(reg::kImagesPerPacket, 1);  // outlives a reset
  const uint64_t expected = engine::program_hash(program);
  if (contents_.hash == expected) return;
  if (!rewrite_memories)
    throw Error("the engine holds program {:016x}, expected {:016x} of {}; load the bitstream of this network",
                contents_.hash, expected, program.name);
  rewrite(program);
  contents_.hash = expected;
}

std::vector<int32_t> Accelerator::run(std::span<const int32_t> images) {
  const size_t in_size = contents_.in_size;
  if (images.size() % in_size != 0)
    throw Error("{} activations, the engine takes a multiple of {}", images.size(), in_size);
  std::vector<int32_t> result;
  result.reserve(images.size() / in_size * contents_.out_size);
  require_no_fault();
  for (size_t at = 0; at < images.size(); at += in_size) {
    try {
      const auto out = device_->transfer(images.subspan(at, in_size), contents_.out_size);
      result.insert(result.end(), out.begin(), out.end());
    } catch (const Error& e) {
      throw Error("{}; {}", e.what(), give_up());
    }
    totals_ += counters();
  }
  require_no_fault();
  return result;
}

void Accelerator::require_no_fault() {
  if (device_->read(reg::kStatus) & kFaults) throw Error("the engine reports an error: {}", give_up());
}

// Resets the engine after an error, so that it can be used again; returns what it said before.
std::string Accelerator::give_up() {
  std::string text;
  try {
    text = "its STATUS was " + describe_status(device_->read(reg::kStatus));
  } catch (const Error& e) {
    text = fmt::format("nor can its STATUS be read: {}", e.what());
  }
  try {
    device_->reset();
  } catch (const Error& e) {
    text += fmt::format("; it cannot be reset: {}", e.what());
  }
  return text;
}

Counters Accelerator::counters() {
  return {.images = 1,
          .load_cycles = device_->read(reg::kLoadCycles),
          .compute_cycles = device_->read(reg::kComputeCycles),
          .store_cycles = device_->read(reg::kStoreCycles),
          .saturations = device_->read(reg::kSaturations)};
}

void Accelerator::rewrite(const engine::Program& program) {
  if (!contents_.writable) throw Error("the memories of this engine are read-only");
  if (contents_.lanes != program.parameters.lanes || contents_.in_size != static_cast<size_t>(program.input.size()) ||
      contents_.out_size != static_cast<size_t>(program.output.size()))
    throw Error(
        "the engine has {} multiply-accumulate lanes and images of {} to {} activations, the program {} and {} to {}",
        contents_.lanes.macs(), contents_.in_size, contents_.out_size, program.parameters.macs(), program.input.size(),
        program.output.size());
  if (const uint32_t shape = engine::shape_hash(program); contents_.shape != shape)
    throw Error(
        "the engine has another program or other parameters than {}, which cannot be rewritten: shape {:08x}, expected "
        "{:08x}; load the bitstream of this network",
        program.name, contents_.shape, shape);
  if (const uint32_t status = device_->read(reg::kStatus); status & engine::kStatusBusy)
    throw Error("the engine is busy after a reset: its STATUS is {}", describe_status(status));
  const auto write_memory = [&](uint32_t select, const std::vector<int32_t>& words) {
    device_->write(reg::kMemorySelect, select);
    device_->write(reg::kMemoryAddress, 0);
    for (const int32_t word : words) device_->write(reg::kMemoryData, static_cast<uint32_t>(word));
  };
  device_->write(reg::kHashLow, 0);  // of nothing, until all is there
  device_->write(reg::kHashHigh, 0);
  for (size_t lane = 0; lane < program.weights.size(); ++lane)
    write_memory(static_cast<uint32_t>(lane), program.weights[lane]);
  write_memory(engine::kMemoryTimeBias, program.time_bias);
  write_memory(engine::kMemoryScale, program.scale);
  write_memory(engine::kMemoryShift, program.shift);
  const uint64_t hash = engine::program_hash(program);
  device_->write(reg::kHashLow, static_cast<uint32_t>(hash));
  device_->write(reg::kHashHigh, static_cast<uint32_t>(hash >> 32));
}

}  // namespace odenet::driver
