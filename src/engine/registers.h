// The registers of hw/axi/axi_engine.v: one table, from which the Verilog header, the drivers' constants and
// registers.md are generated.
//
//   std::string header = engine::verilog_registers(program);      // axi_config.vh
//   uint32_t value = device.read(engine::reg::kStatus);           // src/driver
//   for (const engine::Register& r : engine::registers()) ...
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "engine/program.h"

namespace odenet::engine {

inline constexpr uint32_t kDeviceId = 0x4f444545;       // "ODEE"
inline constexpr uint32_t kDeviceVersion = 0x00020000;  // major in the upper half: another one is another interface

// Byte offsets.
namespace reg {
inline constexpr uint32_t kId = 0x00, kVersion = 0x04, kControl = 0x08, kStatus = 0x0c, kHashLow = 0x10,
                          kHashHigh = 0x14, kShape = 0x18, kLanes = 0x1c, kInBeats = 0x20, kOutBeats = 0x24,
                          kImages = 0x28, kLoadCycles = 0x2c, kComputeCycles = 0x30, kStoreCycles = 0x34,
                          kSaturations = 0x38, kImagesPerPacket = 0x3c, kMemorySelect = 0x40, kMemoryAddress = 0x44,
                          kMemoryData = 0x48;
}  // namespace reg

// Bits.
inline constexpr uint32_t kControlEnable = 1u << 0, kControlReset = 1u << 1;
inline constexpr uint32_t kStatusBusy = 1u << 0, kStatusDone = 1u << 1, kStatusFault = 1u << 2,
                          kStatusStreamError = 1u << 3;

// Values of kMemorySelect beside the weights' lanes 0, 1, ...
inline constexpr uint32_t kMemoryTimeBias = 128, kMemoryScale = 129, kMemoryShift = 130;

enum class Access { kRead, kReadWrite, kWrite };

struct RegisterBit {
  const char* name;
  uint32_t mask;
  const char* help;
};

struct Register {
  const char* name;  // "IMAGES_PER_PACKET"
  uint32_t offset;
  Access access;
  const char* help;
  std::span<const RegisterBit> bits = {};
};

std::span<const Register> registers();

// Names the contents of the memories and the engine's parameters: FNV-1a of rom_files(program). What HASH_LOW and
// HASH_HIGH hold after power-up.
uint64_t program_hash(const Program& program);

// Names what no driver can rewrite, the parameters and the instructions: two programs with one shape differ in weights
// and tables only. What SHAPE holds.
uint32_t shape_hash(const Program& program);

std::string verilog_registers(const Program& program);  // axi_config.vh
std::string python_registers();                         // registers.py
std::string register_document();                        // registers.md

// axi_config.vh, driver/registers.py and registers.md of an exported folder, path -> text.
std::map<std::string, std::string> register_files(const Program& program);

}  // namespace odenet::engine
