// What `odenet eval` says about a backend: top-1, top-5, loss and the confusion matrix.
//
//   Metrics metrics = evaluate(backend, {test.images, test.labels}, {.progress = show});
//   fmt::print("{}", to_text(metrics, test.class_names));      // or nlohmann::json(metrics).dump()
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "eval/backend.h"

namespace odenet::eval {

struct Samples {
  std::span<const uint8_t> images;  // [N, 3, H, W] raw pixel bytes
  std::span<const int32_t> labels;  // [N]

  size_t size() const { return labels.size(); }
  Samples subset(size_t first, size_t count) const;
};

struct EvaluateOptions {
  size_t batch = 100;                                         // images in one call of the backend
  std::function<void(size_t done, size_t total)> progress{};  // after each of them
};

struct Metrics {
  std::string backend{};
  int classes = 0;
  int64_t count = 0;
  int64_t top1_hits = 0, top5_hits = 0;
  double loss_sum = 0;                                   // of the softmax cross entropy
  std::vector<int64_t> confusion{};                      // [classes, classes]: row is the label, column the prediction
  double seconds = 0;                                    // that the backend took
  int64_t not_finite = 0;                                // images with a logit that is no number: they count as misses
  std::vector<std::pair<std::string, double>> counts{};  // of the backend, see Backend::counts()

  // Of equal logits the lower class wins.
  void add(std::span<const float> logits, std::span<const int32_t> labels);

  double top1() const { return ratio(static_cast<double>(top1_hits)); }  // 0 to 1, 0 without images
  double top5() const { return ratio(static_cast<double>(top5_hits)); }
  double loss() const { return ratio(loss_sum); }
  double images_per_second() const { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

  int64_t class_count(int label) const;               // images of that label
  std::optional<double> class_top1(int label) const;  // 0 to 1 of them; nothing if there are none

 private:
  double ratio(double sum) const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

// The class with the largest of these logits, the lowest of equals.
int predicted_class(std::span<const float> logits);

// Throws Error unless there is a label from 0 to classes - 1 for each image, and at least one.
void check_samples(const Backend& backend, const Samples& samples);

// What the backend gives for these images; its time is added to the metrics'.
std::vector<float> timed_logits(Backend& backend, std::span<const uint8_t> images, Metrics& metrics,
                                const Tap& tap = {});

Metrics evaluate(Backend& backend, const Samples& samples, const EvaluateOptions& options = {});

// "fixed: 10000 images, top-1 85.83 %, ..., 812 images/s" in one line, and "fixed: 0 saturations" for each count.
std::string summary(const Metrics& metrics);

// The summary and the confusion matrix with the top-1 of each class; of more than 20 classes, the top-1 of the best and
// worst ones and the most frequent confusions.
std::string to_text(const Metrics& metrics, std::span<const std::string> class_names);

// {"backend", "count", "top1", "top5", "loss", "images_per_second", "class_top1": [...], "confusion": [[...], ...],
// "counts": {...}}; top1 and top5 from 0 to 1, class_top1 null for classes without images, counts where there are any.
void to_json(nlohmann::json& json, const Metrics& metrics);

}  // namespace odenet::eval
