// The table of `odenet quantize`: how well the formats fit, layer by layer and point by point.
//
//   FixedBackend fixed(network);
//   Comparison comparison = compare(float_backend, fixed, calibration);
//   fmt::print("{}", to_text(quantization_report(fixed.runner(), comparison)));
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "eval/compare.h"
#include "fixed/runner.h"

namespace odenet::eval {

// A convolution, a norm or the fully connected layer.
struct LayerReport {
  std::string layer{};          // "layer3_2.0.conv1"
  double low = 0, high = 0;     // range of the weights; of a norm: of its scales
  int bits = 0;                 // that they need at the format's fraction
  fixed::Format format{};       // that they have
  bool has_values = false;      // else low to format have no meaning: a sum, which has no weights
  double weight_sum = 0;        // largest sum of |w| of an output channel; 0 for norms
  double weight_sum_bound = 0;  // of the accumulator proof
  int64_t saturations = 0;      // of its outputs, over all images and executions
  int64_t memory_bits = 0;      // that its weights and time biases take; of a norm: its scales and shifts
};

struct PointReport {
  PointComparison comparison{};  // of the float network (first) with the integer one (second)
  int bits = 0;                  // that the integer activations need
  fixed::Format format{};        // that they have
  int64_t memory_bits = 0;       // that those of one image take
};

struct QuantizationReport {
  fixed::Formats formats{};
  int64_t images = 0;
  std::vector<LayerReport> layers{};
  std::vector<PointReport> points{};
  int64_t saturations = 0;                 // of all layers and sums
  int64_t parameter_bits = 0;              // of all layers, and of the table of pixels
  double first_top1 = 0, second_top1 = 0;  // 0 to 1: of the float network, of the integer one
  int64_t disagreeing = 0;                 // images with another prediction
};

// Of everything that the file of an integer network holds.
int64_t parameter_bits(const fixed::Network& network);

// `runner` must have run the images of `comparison`, whose second backend it is, and nothing else.
QuantizationReport quantization_report(const fixed::Runner& runner, const Comparison& comparison);

std::string to_text(const QuantizationReport& report);
void to_json(nlohmann::json& json, const QuantizationReport& report);

}  // namespace odenet::eval
