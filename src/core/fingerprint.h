// Tells whether two safetensors files hold the same tensors: names, shapes, types and bits; metadata do not count.
//
//   if (fingerprint(SafeTensors::load("best.safetensors")) != network.made_from) ... it was trained on since
#pragma once

#include <string>

#include "core/safetensors.h"

namespace odenet {

// Fnv1a (core/fnv.h) in 16 hexadecimal digits.
std::string fingerprint(const SafeTensors& file);

}  // namespace odenet
