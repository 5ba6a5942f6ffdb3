// A trained network integrated by another solver, or in another number of steps: "train with RK4, predict with Euler".
//
//   Network euler = resolve(network, with_solver(network->spec(), "euler", 6));
//   recalibrate(euler, info.normalization, train_images);   // [N, 3, H, W] bytes
//
// Norms of an ODEBlock keep running statistics per execution, and there are other executions now; whatever follows the
// block sees other values, too. So the statistics must be measured anew.
#pragma once

#include <cstdint>
#include <span>

#include "data/normalize.h"
#include "nn/network.h"

namespace odenet::nn {

// spec: the network's own, but for solvers and steps. The weights are copies, on the same device; running statistics
// are those of a new network; a gradient method that a new solver does not allow gives way to backpropagation.
Network resolve(const Network& network, const NetworkSpec& spec);

// Replaces all running statistics by means over batches of these images, in the network's training mode; with adaptive
// steps, over all evaluations of each.
void recalibrate(Network& network, const data::Normalization& normalization, std::span<const uint8_t> images,
                 int64_t batch = 128);

}  // namespace odenet::nn
