// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/. Against mix-ups, not attacks.
//
//   Fnv1a hash;
//   hash.add(std::as_bytes(std::span(text)));
//   hash.value
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace odenet {

struct Fnv1a {
  uint64_t value = 0xcbf29ce484222325;

  void add(std::byte byte) { value = (value ^ static_cast<uint64_t>(byte)) * 0x100000001b3; }
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) add(byte);
  }
};

}  // namespace odenet
