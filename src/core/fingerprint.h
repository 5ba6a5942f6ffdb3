// Tells whether two safetensors files hold the same tensors: names, shapes, types and bits; metadata do not count.
//
//   if (fingerprint(SafeTensors::load("best.safetensors")) != network.made_from) ... it was trained on since
#pragma once

#include <string>

#include "core/safetensors.h"

namespace odenet {

// FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/) in 16 hexadecimal digits: against mix-ups, not
// attacks.
std::string fingerprint(const SafeTensors& file);

}  // namespace odenet
