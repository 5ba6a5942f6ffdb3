#include "core/fingerprint.h"

namespace odenet {

std::string fingerprint(const SafeTensors& file) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  };
  for (const auto& [name, tensor] : file.tensors) {
    const std::string head = fmt::format("{} {} {}\n", name, name_of(tensor.dtype), to_string(tensor.shape));
    add(std::as_bytes(std::span(head)));
    add(tensor.data);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace odenet
