// Quantization-aware training: the formats that `quantize` bits mean for a config.
//
//   config.activations = choose_activations(config);      // once, before the training
//   if (auto quantization = quantization_of(config)) network->set_quantization(*quantization);
#pragma once

#include <optional>
#include <string>

#include "nn/fake_quant.h"
#include "train/config.h"

namespace odenet::train {

// Formats of the activations as text: the config's own; or those of least error for the weights that the training
// starts with, on images of the training split. Empty if nothing is quantized. Errors: weights or data set missing or
// damaged, weights of another network.
std::string choose_activations(const TrainConfig& config);

// Nothing without `quantize`. Activations without formats of their own get one half of the bits as fraction.
std::optional<nn::Quantization> quantization_of(const TrainConfig& config);

}  // namespace odenet::train
