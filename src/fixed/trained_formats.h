// The formats of a network that was trained for so many bits (`odenet train --quantize`): those of activations are the
// training's, those of weights follow from the weights that it ended with.
//
//   if (trained_bits(checkpoint) > 0)
//     net = quantize(checkpoint, {.formats = trained_formats(checkpoint), .channel_scaling = true});
#pragma once

#include <span>
#include <string>

#include "core/safetensors.h"
#include "fixed/network.h"

namespace odenet::fixed {

// Metadata of such a checkpoint: the number of bits, and formats of activations as formats_text.h writes them.
inline constexpr const char* kTrainedBits = "quantize";
inline constexpr const char* kTrainedActivations = "activations";

// 0 if it was trained as a float network. Throws Error for damaged metadata.
int trained_bits(const SafeTensors& checkpoint);

// Throws Error for a checkpoint that was not trained so, and as quantize() does for missing tensors.
Formats trained_formats(const SafeTensors& checkpoint);

// Activations in these formats, weights of `bits` bits, at most 25, whose formats are still to be chosen.
Formats formats_for_training(int bits, const std::string& activations);

// Numbers of `width` bits with the largest fraction with which low and high fit.
Format fitting_format(double low, double high, int width);

// The same for the weights of a layer, [channels, ...], with which also no accumulator can overflow over such inputs.
Format weight_format(std::span<const float> weights, int64_t channels, int width, Format input);

// A bound on the sum of |w|, as integers, of weights in a format.
double weight_sum_bound(std::span<const float> weights, Format format);

}  // namespace odenet::fixed
