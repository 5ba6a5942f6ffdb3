// What tests of single training steps start from.
#pragma once

#include <torch/torch.h>

#include "nn/network.h"
#include "spec/zoo.h"

namespace odenet::testing {

inline constexpr double kFloatSlack = 1e-5;  // relative; float32 sums in different orders

// The same one each time, for ten classes.
inline nn::Network fresh_network(const char* model, uint64_t seed = 1) {
  torch::manual_seed(seed);
  return nn::Network(make_spec(model, 10));
}

}  // namespace odenet::testing
