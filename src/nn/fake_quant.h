// Fixed point within training: forward the values that an integer network has, backward the identity (straight-through
// estimator, Y. Bengio et al., 2013), or zero where a value saturates.
//
//   y = fake_quantize(relu(x), {8, 5});
//   y = conv2d(x, fake_quantize_weight(weight, 8, /*scaled=*/true));
#pragma once

#include <torch/types.h>

#include "fixed/network.h"

namespace odenet::nn {

// What a network in training is to become: weights of `bits` bits, as fixed/trained_formats.h chooses their formats,
// and activations in these formats, by point.
struct Quantization {
  int bits = 8;
  fixed::Formats formats;
};

// Rounded half up, saturated. Formats of at most 24 bits are exact in float32.
torch::Tensor fake_quantize(const torch::Tensor& x, fixed::Format format);

// Weights [C, ...] with the largest fraction with which all of them fit. scaled: those of output channel c times the
// power of two that fixed::QuantizeOptions::channel_scaling gives them.
torch::Tensor fake_quantize_weight(const torch::Tensor& weight, int bits, bool scaled);

}  // namespace odenet::nn
