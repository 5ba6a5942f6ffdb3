// Parameters and buffers, such as running statistics, of a network by name: what a checkpoint holds.
#pragma once

#include <map>
#include <string>

#include "core/safetensors.h"
#include "nn/network.h"

namespace odenet::nn {

using State = std::map<std::string, torch::Tensor>;

// The tensors themselves, not copies.
State state_of(const torch::nn::Module& module);
inline State state_of(const Network& network) { return state_of(*network); }

// As float32.
void add_state(SafeTensors& file, const State& state);

// Copies the file's values into the state's tensors. Throws Error for missing and misshapen tensors, values that are
// not finite, and negative variances; further tensors are left alone.
void read_state(const SafeTensors& file, const State& state);

}  // namespace odenet::nn
