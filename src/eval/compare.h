// Two backends side by side on the same images: is the second as good as the first, and where do they part?
//
//   Comparison comparison = compare(float_backend, fixed_backend, {test.images, test.labels});
//   fmt::print("{}", to_text(comparison));       // accuracies, disagreeing predictions, error per observation point
//
// Points that only one of them shows (a block computed by the simulated engine hides its inside) are left out.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "eval/backend.h"
#include "eval/metrics.h"

namespace odenet::eval {

// One observation point of eval/backend.h over all images; values and errors in real units.
struct PointComparison {
  std::string point{};
  int64_t count = 0;             // values
  float low = 0, high = 0;       // range of the second backend's values
  double max_error = 0;          // largest |first - second|
  double signal = 0, noise = 0;  // sums of first^2 and (first - second)^2

  void add(std::span<const float> first, std::span<const float> second);

  // Signal to (quantization) noise ratio, 10 log10(signal / noise); infinite where nothing differs.
  double sqnr_db() const;
};

struct Comparison {
  Metrics first{}, second{};
  int64_t disagreeing = 0;       // images with another prediction
  int64_t differing_logits = 0;  // of count * classes
  double max_logit_error = 0;
  std::vector<PointComparison> points{};  // in network order
};

// Throws Error if the backends have other classes or data sets.
Comparison compare(Backend& first, Backend& second, const Samples& samples, const EvaluateOptions& options = {});

std::string to_text(const Comparison& comparison);

// {"first": metrics, "second": metrics, "disagreeing", "differing_logits", "max_logit_error", "points": [{"point",
// "low", "high", "max_error", "sqnr_db"}, ...]}; an infinite ratio is null.
void to_json(nlohmann::json& json, const PointComparison& point);
void to_json(nlohmann::json& json, const Comparison& comparison);

}  // namespace odenet::eval
