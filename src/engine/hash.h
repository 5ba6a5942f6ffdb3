// Fnv1a (core/fnv.h) over paths and texts:
//
//   uint64_t hash = engine::hash_files({{"rom/scale.hex", "..."}});
//
// And CRC-32 as zlib's, which Python has:
//
//   uint32_t crc = engine::crc32(more_bytes, engine::crc32(bytes));
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "core/fnv.h"

namespace odenet::engine {

inline uint64_t hash_files(const std::map<std::string, std::string>& files) {
  Fnv1a hash;
  const auto add = [&](const std::string& text) {
    hash.add(std::as_bytes(std::span(text)));
    hash.add(std::byte{0});  // ends each text
  };
  for (const auto& [path, text] : files) {
    add(path);
    add(text);
  }
  return hash.value;
}

inline uint32_t crc32(std::span<const std::byte> bytes, uint32_t crc = 0) {
  crc = ~crc;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

}  // namespace odenet::engine
