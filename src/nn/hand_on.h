// The weights of one network as the start of another.
//
//   hand_on(load_checkpoint("runs/short/best.safetensors").network, network);
//
// Parameters and running statistics go by tensor name. The two networks are the same but for skips, of which `to` may
// have fewer, and for how ODEBlocks are integrated: where that makes another number of executions, each starts with the
// running statistics of all executions together. Every other tensor that only one of them has, or whose shape differs,
// is an Error naming it, and nothing is changed.
#pragma once

#include "nn/network.h"

namespace odenet::nn {

void hand_on(const Network& from, const Network& to);

}  // namespace odenet::nn
