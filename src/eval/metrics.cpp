#include "eval/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"

namespace odenet::eval {

namespace {

constexpr int kMatrixClasses = 20;  // the widest matrix that fits a terminal
constexpr size_t kConfusions = 10;
constexpr size_t kExtremes = 5;

std::string percent(const std::optional<double>& top1) { return top1 ? fmt::format("{:.2f}", 100 * *top1) : "-"; }

std::string confusion_matrix(const Metrics& metrics, std::span<const std::string> class_names) {
  size_t name_width = 0;
  for (const std::string& name : class_names) name_width = std::max(name_width, name.size());
  std::string text = fmt::format("{:{}} ", "label \\ predicted", name_width + 3);
  for (int column = 0; column < metrics.classes; ++column) text += fmt::format("{:>5}", column);
  text += "  top-1 (%)\n";
  for (size_t row = 0; row < static_cast<size_t>(metrics.classes); ++row) {
    text += fmt::format("{:>2} {:{}} ", row, class_names[row], std::max<size_t>(name_width, 14));
    for (size_t column = 0; column < static_cast<size_t>(metrics.classes); ++column)
      text += fmt::format("{:>5}", metrics.confusion[row * static_cast<size_t>(metrics.classes) + column]);
    text += fmt::format("  {:>9}\n", percent(metrics.class_top1(static_cast<int>(row))));
  }
  return text;
}

std::string class_extremes(const Metrics& metrics, std::span<const std::string> class_names) {
  std::vector<int> order;
  for (int i = 0; i < metrics.classes; ++i)
    if (metrics.class_count(i) > 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return metrics.class_top1(a) > metrics.class_top1(b); });
  const size_t shown = std::min(order.size(), kExtremes);
  std::string text;
  const auto list = [&](std::string_view title, std::span<const int> classes) {
    text += fmt::format("{} classes, top-1 (%):\n", title);
    for (const int i : classes)
      text += fmt::format("{:>8} {}\n", percent(metrics.class_top1(i)), class_names[static_cast<size_t>(i)]);
  };
  list("best", std::span(order).first(shown));
  list("worst", std::span(order).last(shown));
  return text + "\n";
}

std::string frequent_confusions(const Metrics& metrics, std::span<const std::string> class_names) {
  const size_t classes = static_cast<size_t>(metrics.classes);
  std::vector<size_t> order;
  for (size_t i = 0; i < metrics.confusion.size(); ++i)
    if (i / classes != i % classes && metrics.confusion[i] > 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return metrics.confusion[a] > metrics.confusion[b]; });
  if (order.size() > kConfusions) order.resize(kConfusions);
  std::string text = "most frequent confusions:\n";
  for (const size_t i : order)
    text += fmt::format("{:>5} {} taken for {}\n", metrics.confusion[i], class_names[i / classes],
                        class_names[i % classes]);
  return text;
}

}  // namespace

Samples Samples::subset(size_t first, size_t count) const {
  const size_t image = images.size() / std::max<size_t>(size(), 1);
  return {images.subspan(first * image, count * image), labels.subspan(first, count)};
}

int predicted_class(std::span<const float> logits) {
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

void Metrics::add(std::span<const float> logits, std::span<const int32_t> labels) {
  const size_t width = static_cast<size_t>(classes);
  confusion.resize(width * width);
  if (logits.size() != labels.size() * width)
    throw Error("backend {} gave {} logits for {} images of {} classes", backend, logits.size(), labels.size(),
                classes);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.subspan(i * width, width);
    const size_t label = static_cast<size_t>(labels[i]);
    const size_t prediction = static_cast<size_t>(predicted_class(row));
    const bool finite = std::ranges::all_of(row, [](float logit) { return std::isfinite(logit); });
    int better = 0;
    double sum = 0;
    for (size_t k = 0; k < width; ++k) {
      better += row[k] > row[label] || (row[k] == row[label] && k < label);
      sum += std::exp(double{row[k]} - row[prediction]);
    }
    ++count;
    not_finite += !finite;
    top1_hits += finite && prediction == label;
    top5_hits += finite && better < 5;
    loss_sum += std::log(sum) + row[prediction] - row[label];
    ++confusion[label * width + prediction];
  }
}

int64_t Metrics::class_count(int label) const {
  const auto row = confusion.begin() + std::ptrdiff_t{label} * classes;
  return std::accumulate(row, row + classes, int64_t{0});
}

std::optional<double> Metrics::class_top1(int label) const {
  const int64_t images = class_count(label);
  if (images == 0) return std::nullopt;
  const auto hits = confusion[static_cast<size_t>(label) * static_cast<size_t>(classes + 1)];
  return static_cast<double>(hits) / static_cast<double>(images);
}

void check_samples(const Backend& backend, const Samples& samples) {
  if (samples.size() == 0) throw Error("no images to evaluate");
  if (samples.images.size() % samples.size() != 0)
    throw Error("{} bytes of images for {} labels", samples.images.size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i)
    if (samples.labels[i] < 0 || samples.labels[i] >= backend.classes())
      throw Error("image {} has the label {}, but the network knows the classes 0 to {}; is it of another data set?", i,
                  samples.labels[i], backend.classes() - 1);
}

std::vector<float> timed_logits(Backend& backend, std::span<const uint8_t> images, Metrics& metrics, const Tap& tap) {
  const auto start = std::chrono::steady_clock::now();
  auto logits = backend.logits(images, tap);
  metrics.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return logits;
}

Metrics evaluate(Backend& backend, const Samples& samples, const EvaluateOptions& options) {
  check_samples(backend, samples);
  Metrics metrics{.backend = backend.name(), .classes = backend.classes()};
  for (size_t first = 0; first < samples.size(); first += options.batch) {
    const Samples batch = samples.subset(first, std::min(options.batch, samples.size() - first));
    metrics.add(timed_logits(backend, batch.images, metrics), batch.labels);
    if (options.progress) options.progress(first + batch.size(), samples.size());
  }
  metrics.counts = backend.counts();
  return metrics;
}

std::string summary(const Metrics& metrics) {
  std::string text = fmt::format("{}: {} images, top-1 {:.2f} %, top-5 {:.2f} %, loss {:.4f}, {:.0f} images/s\n",
                                 metrics.backend, metrics.count, 100 * metrics.top1(), 100 * metrics.top5(),
                                 metrics.loss(), metrics.images_per_second());
  if (metrics.not_finite > 0)
    text += fmt::format("{}: {} images with logits that are not finite, counted as misses\n", metrics.backend,
                        metrics.not_finite);
  for (const auto& [name, count] : metrics.counts) {
    std::string words = name;
    std::ranges::replace(words, '_', ' ');
    text += fmt::format("{}: {:.{}f} {}\n", metrics.backend, count, count == std::floor(count) ? 0 : 1, words);
  }
  return text;
}

std::string to_text(const Metrics& metrics, std::span<const std::string> class_names) {
  if (class_names.size() != static_cast<size_t>(metrics.classes))
    throw Error("{} class names for {} classes", class_names.size(), metrics.classes);
  return summary(metrics) + "\n" +
         (metrics.classes <= kMatrixClasses
              ? confusion_matrix(metrics, class_names)
              : class_extremes(metrics, class_names) + frequent_confusions(metrics, class_names));
}

void to_json(nlohmann::json& json, const Metrics& metrics) {
  const auto width = static_cast<std::ptrdiff_t>(metrics.classes);
  auto confusion = nlohmann::json::array();
  for (auto row = metrics.confusion.begin(); row != metrics.confusion.end(); row += width)
    confusion.push_back(std::vector<int64_t>(row, row + width));
  auto class_top1 = nlohmann::json::array();
  for (int i = 0; i < metrics.classes; ++i) {
    const auto top1 = metrics.class_top1(i);
    class_top1.push_back(top1 ? nlohmann::json(*top1) : nlohmann::json());
  }
  json = {{"backend", metrics.backend},
          {"count", metrics.count},
          {"top1", metrics.top1()},
          {"top5", metrics.top5()},
          {"loss", metrics.loss()},
          {"images_per_second", metrics.images_per_second()},
          {"class_top1", std::move(class_top1)},
          {"confusion", std::move(confusion)}};
  if (metrics.not_finite > 0) json["not_finite"] = metrics.not_finite;
  for (const auto& [name, count] : metrics.counts) json["counts"][name] = count;
}

}  // namespace odenet::eval
