// Instance normalisation with what surrounds it in a block, as nn/fused_norm.h does for batch normalisation:
//
//   y = act(gain * norm(x + time * plane) + residual),   norm(c) = (c - mean) / sqrt(var + epsilon) * weight + bias
//
// with mean and (biased) var of each image and channel over H and W, in training and evaluation alike. It is what the
// ODENet paper's accelerator computes, and needs no running statistics.
// Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, Instance Normalization, 2016 (arXiv:1607.08022).
#pragma once

#include "nn/fused_norm.h"

namespace odenet::nn {

// weight, bias: [C], float32. Of the options, `training` and `momentum` mean nothing here. Its result does not depend
// on the number of threads, nor on the other images of the batch.
Forked instance_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const NormOptions& options);

// The same by LibTorch's operations, whatever the device and type.
torch::Tensor composed_instance_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                     const NormOptions& options);

}  // namespace odenet::nn
