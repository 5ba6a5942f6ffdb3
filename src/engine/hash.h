// FNV-1a, 64 bits, over paths and texts: http://www.isthe.com/chongo/tech/comp/fnv/
//
//   uint64_t hash = engine::hash_files({{"rom/scale.hex", "..."}});
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace odenet::engine {

inline uint64_t hash_files(const std::map<std::string, std::string>& files) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](const std::string& text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash *= 0x100000001b3;  // a zero byte ends each text
  };
  for (const auto& [path, text] : files) {
    add(path);
    add(text);
  }
  return hash;
}

}  // namespace odenet::engine
