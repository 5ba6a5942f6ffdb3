// A trained network integrated by another solver, or in another number of steps: "train with RK4, predict with Euler".
//
//   Network euler = resolve(network, "euler", 6);
//   recalibrate(euler, info.normalization, train_images);   // [N, 3, H, W] bytes
//
// Norms of an ODEBlock keep running statistics per execution, and there are other executions now; whatever follows the
// block sees other values, too. So the statistics must be measured anew.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "data/normalize.h"
#include "nn/network.h"

namespace odenet::nn {

// The weights are copies; running statistics are those of a new network. Errors as with_solver() gives them.
Network resolve(const Network& network, std::string_view solver, int64_t steps);

// Replaces all running statistics by means over batches of these images, in the network's training mode.
void recalibrate(Network& network, const data::Normalization& normalization, std::span<const uint8_t> images,
                 int64_t batch = 128);

}  // namespace odenet::nn
