#include "engine/registers.h"

#include <bit>

#include "core/error.h"
#include "engine/hash.h"
#include "engine/rom.h"

namespace odenet::engine {
namespace {

constexpr RegisterBit kControlBits[] = {
    {"ENABLE", kControlEnable, "1: images are taken in. 0: the engine finishes the image it has begun, and waits."},
    {"RESET", kControlReset,
     "write 1: resets the engine, STATUS and IMAGES; what is in the engine is lost. The host resets its DMA as well. "
     "Reads 0."},
};
constexpr RegisterBit kStatusBits[] = {
    {"BUSY", kStatusBusy,
     "from the first beat of an image in until its last beat out is offered, which the host may take later"},
    {"DONE", kStatusDone,
     "an image has been finished; its last beat out may still wait for the host; write 1 to clear"},
    {"FAULT", kStatusFault, "an illegal instruction stopped the engine; only a reset helps"},
    {"STREAM_ERROR", kStatusStreamError,
     "TLAST on a beat that is not an image's last one, or a beat with bytes missing in TKEEP; write 1 to clear"},
};

constexpr Register kRegisters[] = {
    {"ID", reg::kId, Access::kRead, "\"ODEE\""},
    {"VERSION", reg::kVersion, Access::kRead, "of this interface: major << 16 | minor"},
    {"CONTROL", reg::kControl, Access::kReadWrite, "after power-up: ENABLE", kControlBits},
    {"STATUS", reg::kStatus, Access::kReadWrite, "", kStatusBits},
    {"HASH_LOW", reg::kHashLow, Access::kReadWrite,
     "of the engine's parameters, program, weights and tables. Whoever rewrites weights writes their hash here; like "
     "them it outlives a reset."},
    {"HASH_HIGH", reg::kHashHigh, Access::kReadWrite, "upper half"},
    {"SHAPE", reg::kShape, Access::kRead,
     "of the engine's parameters and program, which cannot be rewritten. Whoever rewrites weights and tables first "
     "compares it with `shape_hash` in report.json of the export that they come from."},
    {"LANES", reg::kLanes, Access::kRead,
     "bits 7:0 output channels at once, 15:8 pixels at once, 16: weights and tables can be rewritten"},
    {"IN_BEATS", reg::kInBeats, Access::kRead, "32-bit beats of an image in"},
    {"OUT_BEATS", reg::kOutBeats, Access::kRead, "of an image out"},
    {"IMAGES", reg::kImages, Access::kRead, "images finished since reset, modulo 2^32"},
    {"LOAD_CYCLES", reg::kLoadCycles, Access::kRead,
     "of the last finished image: from its first beat in to the end of the load"},
    {"COMPUTE_CYCLES", reg::kComputeCycles, Access::kRead, "of the last finished image: between load and store"},
    {"STORE_CYCLES", reg::kStoreCycles, Access::kRead, "of the last finished image: until BUSY falls"},
    {"SATURATIONS", reg::kSaturations, Access::kRead, "of the last finished image: values that were clipped"},
    {"IMAGES_PER_PACKET", reg::kImagesPerPacket, Access::kReadWrite,
     "TLAST ends every packet of so many images out; after power-up 1. Write it while no image is in the engine; 0 is "
     "refused."},
    {"MEMORY_SELECT", reg::kMemorySelect, Access::kReadWrite,
     "which memory MEMORY_DATA writes: the weights of output-channel lane 0, 1, ...; 128 time biases, 129 scales, 130 "
     "shifts"},
    {"MEMORY_ADDRESS", reg::kMemoryAddress, Access::kReadWrite,
     "word of that memory; one more after each write of MEMORY_DATA"},
    {"MEMORY_DATA", reg::kMemoryData, Access::kWrite,
     "writes a word. Refused beyond the memory's end, while STATUS.BUSY, and by an engine whose memories are "
     "read-only (LANES)."},
};

struct WritableMemory {
  const char* name;
  uint32_t select;
};
constexpr WritableMemory kMemories[] = {
    {"TIME_BIAS", kMemoryTimeBias}, {"SCALE", kMemoryScale}, {"SHIFT", kMemoryShift}};

const char* name_of(Access access) {
  switch (access) {
    case Access::kRead:
      return "read";
    case Access::kReadWrite:
      return "read, write";
    case Access::kWrite:
      return "write";
  }
  throw Error("registers: unknown access {}", static_cast<int>(access));
}

}  // namespace

std::span<const Register> registers() { return kRegisters; }

uint64_t program_hash(const Program& program) { return hash_files(rom_files(program)); }

uint32_t shape_hash(const Program& program) {
  std::map<std::string, std::string> files = rom_files(program);
  std::erase_if(files,
                [](const auto& file) { return file.first != kConfigFile && !file.first.ends_with(kProgramFile); });
  std::string& config = files.at(kConfigFile);
  config.erase(0, config.find('\n'));  // a comment with the block's name
  const uint64_t hash = hash_files(files);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

std::string verilog_registers(const Program& program) {
  std::string text = "// Generated: the registers of axi_engine.v, and what it says of its contents.\n";
  text +=
      fmt::format("`define AXI_ID_VALUE 32'h{:08x}\n`define AXI_VERSION_VALUE 32'h{:08x}\n", kDeviceId, kDeviceVersion);
  text += fmt::format("`define AXI_PROGRAM_HASH 64'h{:016x}\n`define AXI_SHAPE_HASH 32'h{:08x}\n",
                      program_hash(program), shape_hash(program));
  for (const Register& r : kRegisters) {
    text += fmt::format("`define AXI_{} 12'h{:03x}\n", r.name, r.offset);
    for (const RegisterBit& bit : r.bits)
      text += fmt::format("`define AXI_{}_{}_BIT {}\n", r.name, bit.name, std::countr_zero(bit.mask));
  }
  for (const WritableMemory& memory : kMemories)
    text += fmt::format("`define AXI_MEMORY_{} {}\n", memory.name, memory.select);
  return text;
}

std::string python_registers() {
  std::string text = "# Generated: the registers of axi_engine.v; registers.md says what they mean.\n";
  text += fmt::format("DEVICE_ID = 0x{:08x}\nDEVICE_VERSION = 0x{:08x}\n", kDeviceId, kDeviceVersion);
  for (const Register& r : kRegisters) {
    text += fmt::format("{} = 0x{:02x}\n", r.name, r.offset);
    for (const RegisterBit& bit : r.bits) text += fmt::format("{}_{} = 0x{:x}\n", r.name, bit.name, bit.mask);
  }
  for (const WritableMemory& memory : kMemories) text += fmt::format("MEMORY_{} = {}\n", memory.name, memory.select);
  return text;
}

std::string register_document() {
  std::string text =
      "# Registers\n\n"
      "32 bits each, little-endian, written whole. SLVERR answers an address that is not in this table, a write of "
      "some of a\nregister's bytes, a write of what can only be read, and what the table says is refused; "
      "none of these has an effect.\n\n"
      "| offset | register | access | meaning |\n|---|---|---|---|\n";
  for (const Register& r : kRegisters) {
    text += fmt::format("| 0x{:02x} | {} | {} | {} |\n", r.offset, r.name, name_of(r.access), r.help);
    for (const RegisterBit& bit : r.bits)
      text += fmt::format("| | bit {}: {} | | {} |\n", std::countr_zero(bit.mask), bit.name, bit.help);
  }
  return text;
}

std::map<std::string, std::string> register_files(const Program& program) {
  return {{"axi_config.vh", verilog_registers(program)},
          {"driver/registers.py", python_registers()},
          {"registers.md", register_document()}};
}

}  // namespace odenet::engine
