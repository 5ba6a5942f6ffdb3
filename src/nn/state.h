// Parameters and running statistics of a network by name: what a checkpoint holds.
#pragma once

#include <map>
#include <string>

#include "nn/network.h"

namespace odenet::nn {

// The tensors themselves, not copies.
std::map<std::string, torch::Tensor> state_of(const Network& network);

}  // namespace odenet::nn
