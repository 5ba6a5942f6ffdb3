#include "core/fingerprint.h"

#include "core/fnv.h"

namespace odenet {

std::string fingerprint(const SafeTensors& file) {
  Fnv1a hash;
  for (const auto& [name, tensor] : file.tensors) {
    const std::string head = fmt::format("{} {} {}\n", name, name_of(tensor.dtype), to_string(tensor.shape));
    hash.add(std::as_bytes(std::span(head)));
    hash.add(tensor.data);
  }
  return fmt::format("{:016x}", hash.value);
}

}  // namespace odenet
