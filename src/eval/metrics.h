// Accuracy of a backend on labelled images.
//
//   Metrics m = evaluate(backend, test.images, test.labels);
//   fmt::print("{}", to_text(m, test.class_names));
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "eval/backend.h"

namespace odenet::eval {

struct Metrics {
  int classes = 0;
  int64_t count = 0;              // images
  int64_t top1 = 0, top5 = 0;     // images whose label has the highest logit, or is among the five highest
  double loss = 0;                // mean cross entropy of softmax(logits)
  std::vector<int64_t> confusion; // [classes, classes]: row = label, column = prediction

  double top1_percent() const { return count == 0 ? 0.0 : 100.0 * static_cast<double>(top1) / static_cast<double>(count); }
  double top5_percent() const { return count == 0 ? 0.0 : 100.0 * static_cast<double>(top5) / static_cast<double>(count); }

  // logits: [N, classes]. Equal logits rank in class order.
  void add(std::span<const float> logits, std::span<const int32_t> labels);
};

using EvalProgress = std::function<void(int64_t done, int64_t count)>;

// images: [N, 3, H, W] bytes, labels: [N]. Errors: label out of the network's classes, no images.
Metrics evaluate(Backend& backend, std::span<const uint8_t> images, std::span<const int32_t> labels, int batch = 250,
                 const EvalProgress& progress = {});

// The class with the highest logit of each row; the first of equal ones.
std::vector<int32_t> predictions(std::span<const float> logits, int classes);

std::string to_text(const Metrics& metrics, std::span<const std::string> class_names);
nlohmann::json to_json(const Metrics& metrics, std::span<const std::string> class_names);

}  // namespace odenet::eval
