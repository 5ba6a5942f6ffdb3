#include "eval/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace odenet::eval {

namespace {

using Values = std::map<std::string, std::vector<float>, std::less<>>;

PointComparison& point_of(std::vector<PointComparison>& points, std::string_view name) {
  const auto found = std::find_if(points.begin(), points.end(), [&](const auto& p) { return p.point == name; });
  if (found != points.end()) return *found;
  return points.emplace_back(PointComparison{.point = std::string(name)});
}

// Infinite where one of them is no number.
double difference(float first, float second) {
  const double result = std::abs(double{first} - second);
  return std::isnan(result) ? std::numeric_limits<double>::infinity() : result;
}

void add_logits(Comparison& comparison, std::span<const float> first, std::span<const float> second) {
  const size_t classes = static_cast<size_t>(comparison.first.classes);
  for (size_t i = 0; i < first.size(); i += classes)
    comparison.disagreeing += predicted_class(first.subspan(i, classes)) != predicted_class(second.subspan(i, classes));
  for (size_t i = 0; i < first.size(); ++i) {
    comparison.differing_logits += first[i] != second[i];
    comparison.max_logit_error = std::max(comparison.max_logit_error, difference(first[i], second[i]));
  }
}

}  // namespace

void PointComparison::add(std::span<const float> first, std::span<const float> second) {
  if (first.size() != second.size())
    throw Error("point {}: {} values against {}; are the backends of one model?", point, first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const double error = double{first[i]} - second[i];
    low = std::min(low, second[i]);
    high = std::max(high, second[i]);
    max_error = std::max(max_error, difference(first[i], second[i]));
    signal += double{first[i]} * first[i];
    noise += error * error;
  }
  count += static_cast<int64_t>(first.size());
}

double PointComparison::sqnr_db() const {
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

Comparison compare(Backend& first, Backend& second, const Samples& samples, const EvaluateOptions& options) {
  if (first.classes() != second.classes())
    throw Error("{} has {} classes, {} has {}: not one network", first.name(), first.classes(), second.name(),
                second.classes());
  if (first.dataset() != second.dataset())
    throw Error("{} was trained on {}, {} on {}: not one network", first.name(), first.dataset(), second.name(),
                second.dataset());
  check_samples(first, samples);
  Comparison comparison;
  comparison.first = {.backend = first.name(), .classes = first.classes()};
  comparison.second = {.backend = second.name(), .classes = second.classes()};
  for (size_t start = 0; start < samples.size(); start += options.batch) {
    const Samples batch = samples.subset(start, std::min(options.batch, samples.size() - start));
    Values values;
    const Tap keep = [&](std::string_view point, std::span<const float> v) {
      values.emplace(point, std::vector<float>(v.begin(), v.end()));
    };
    const Tap compare_points = [&](std::string_view point, std::span<const float> v) {
      const auto found = values.find(point);
      if (found != values.end()) point_of(comparison.points, point).add(found->second, v);
    };
    const auto first_logits = timed_logits(first, batch.images, comparison.first, keep);
    const auto second_logits = timed_logits(second, batch.images, comparison.second, compare_points);
    comparison.first.add(first_logits, batch.labels);
    comparison.second.add(second_logits, batch.labels);
    add_logits(comparison, first_logits, second_logits);
    if (options.progress) options.progress(start + batch.size(), samples.size());
  }
  comparison.first.counts = first.counts();
  comparison.second.counts = second.counts();
  return comparison;
}

std::string to_text(const Comparison& comparison) {
  const int64_t count = comparison.first.count;
  std::string text = summary(comparison.first) + summary(comparison.second);
  text += fmt::format(
      "predictions that disagree: {} of {} ({:.2f} %)\n", comparison.disagreeing, count,
      100.0 * static_cast<double>(comparison.disagreeing) / static_cast<double>(std::max<int64_t>(count, 1)));
  text += fmt::format("logits that differ: {} of {}, by at most {:.3g}\n\n", comparison.differing_logits,
                      count * comparison.first.classes, comparison.max_logit_error);
  text += fmt::format("{:28} {:>10} {:>10} {:>11} {:>8}\n", "point", "low", "high", "max error", "SQNR/dB");
  for (const PointComparison& p : comparison.points)
    text +=
        fmt::format("{:28} {:>10.4f} {:>10.4f} {:>11.3g} {:>8.1f}\n", p.point, p.low, p.high, p.max_error, p.sqnr_db());
  return text;
}

void to_json(nlohmann::json& json, const PointComparison& point) {
  json = {{"point", point.point}, {"low", point.low}, {"high", point.high}, {"max_error", point.max_error}};
  json["sqnr_db"] = std::isfinite(point.sqnr_db()) ? nlohmann::json(point.sqnr_db()) : nlohmann::json();
}

void to_json(nlohmann::json& json, const Comparison& comparison) {
  json = {{"first", comparison.first},
          {"second", comparison.second},
          {"disagreeing", comparison.disagreeing},
          {"differing_logits", comparison.differing_logits},
          {"max_logit_error", comparison.max_logit_error},
          {"points", comparison.points}};
}

}  // namespace odenet::eval
