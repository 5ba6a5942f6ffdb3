// A device in memory: registers that a test sets, and a function in place of the engine.
#pragma once

#include <functional>
#include <map>

#include "core/error.h"
#include "driver/device.h"
#include "engine/compiler.h"
#include "engine/registers.h"

namespace odenet::driver::testing {

class FakeDevice : public Device {
 public:
  explicit FakeDevice(const engine::Program& program) {
    namespace reg = engine::reg;
    const uint64_t hash = engine::program_hash(program);
    registers = {
        {reg::kId, engine::kDeviceId},
        {reg::kVersion, engine::kDeviceVersion},
        {reg::kHashLow, static_cast<uint32_t>(hash)},
        {reg::kHashHigh, static_cast<uint32_t>(hash >> 32)},
        {reg::kShape, engine::shape_hash(program)},
        {reg::kLanes, 0x10000u | static_cast<uint32_t>(program.parameters.lanes.px << 8 | program.parameters.lanes.oc)},
        {reg::kInBeats, static_cast<uint32_t>(program.input.size())},
        {reg::kOutBeats, static_cast<uint32_t>(program.output.size())},
        {reg::kStatus, 0},
        {reg::kLoadCycles, 100},
        {reg::kComputeCycles, 1000},
        {reg::kStoreCycles, 10},
        {reg::kSaturations, 4}};
  }

  uint32_t read(uint32_t offset) override {
    if (!registers.contains(offset)) throw Error("no register 0x{:02x}", offset);
    return registers[offset];
  }
  void write(uint32_t offset, uint32_t value) override {
    registers[offset] = value;
    if (offset == engine::reg::kControl && value & engine::kControlReset)
      registers[engine::reg::kStatus] = status_after_reset;
    if (offset == engine::reg::kMemoryData)
      memories[registers[engine::reg::kMemorySelect]].push_back(static_cast<int32_t>(value));
  }
  std::vector<int32_t> transfer(std::span<const int32_t> image, size_t out_count) override {
    if (broken) {
      registers[engine::reg::kStatus] = engine::kStatusBusy | engine::kStatusFault;
      throw Error("it takes too long");
    }
    std::vector<int32_t> result(image.begin(), image.end());
    result.resize(out_count);
    for (int32_t& value : result) value = -value;
    return result;
  }

  std::map<uint32_t, uint32_t> registers;
  std::map<uint32_t, std::vector<int32_t>> memories;  // what was written
  uint32_t status_after_reset = 0;
  bool broken = false;  // an illegal instruction stops the next image
};

}  // namespace odenet::driver::testing
