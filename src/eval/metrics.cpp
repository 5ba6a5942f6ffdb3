#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace odenet::eval {

namespace {

// log(sum(exp(x))) without overflow.
double log_sum_exp(std::span<const float> x) {
  const double highest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const float v : x) sum += std::exp(v - highest);
  return highest + std::log(sum);
}

}  // namespace

void Metrics::add(std::span<const float> logits, std::span<const int32_t> labels) {
  const auto n = static_cast<size_t>(classes);
  if (logits.size() != labels.size() * n)
    throw Error("{} logits for {} images of {} classes", logits.size(), labels.size(), classes);
  confusion.resize(n * n);
  double sum = loss * static_cast<double>(count);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes)
      throw Error("label {} of a network with {} classes; is it a network of another data set?", labels[i], classes);
    const auto row = logits.subspan(i * n, n);
    const auto label = static_cast<size_t>(labels[i]);
    size_t rank = 0;  // classes that stand before the label
    for (size_t c = 0; c < n; ++c) rank += row[c] > row[label] || (row[c] == row[label] && c < label);
    top1 += rank == 0;
    top5 += rank < 5;
    sum += log_sum_exp(row) - row[label];
    ++confusion[label * n + static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin())];
  }
  count += static_cast<int64_t>(labels.size());
  loss = count == 0 ? 0 : sum / static_cast<double>(count);
}

Metrics evaluate(Backend& backend, std::span<const uint8_t> images, std::span<const int32_t> labels, int batch,
                 const EvalProgress& progress) {
  if (labels.empty()) throw Error("no images to evaluate");
  const size_t image_size = images.size() / labels.size();
  Metrics metrics;
  metrics.classes = backend.classes();
  for (size_t begin = 0; begin < labels.size(); begin += static_cast<size_t>(batch)) {
    const size_t n = std::min(static_cast<size_t>(batch), labels.size() - begin);
    metrics.add(backend.logits(images.subspan(begin * image_size, n * image_size)), labels.subspan(begin, n));
    if (progress) progress(metrics.count, static_cast<int64_t>(labels.size()));
  }
  return metrics;
}

std::vector<int32_t> predictions(std::span<const float> logits, int classes) {
  std::vector<int32_t> result;
  for (auto row = logits.begin(); row != logits.end(); row += classes)
    result.push_back(static_cast<int32_t>(std::max_element(row, row + classes) - row));
  return result;
}

std::string to_text(const Metrics& m, std::span<const std::string> class_names) {
  std::string text = fmt::format("images {}   top-1 {:.2f} %   top-5 {:.2f} %   loss {:.4f}\n", m.count,
                                 m.top1_percent(), m.top5_percent(), m.loss);
  const auto n = static_cast<size_t>(m.classes);
  size_t name_width = 5;
  int64_t largest = 999;
  for (const auto& name : class_names) name_width = std::max(name_width, name.size());
  for (const int64_t v : m.confusion) largest = std::max(largest, v);
  const size_t width = fmt::formatted_size("{}", largest) + 1;
  text += fmt::format("\nconfusion matrix (rows: label, columns: prediction)\n{:>{}}", "", name_width + 4);
  for (size_t c = 0; c < n; ++c) text += fmt::format("{:>{}}", c, width);
  text += "   recall\n";
  for (size_t r = 0; r < n; ++r) {
    const auto row = std::span(m.confusion).subspan(r * n, n);
    int64_t sum = 0;
    text += fmt::format("{:>3} {:<{}}", r, r < class_names.size() ? class_names[r] : "", name_width);
    for (const int64_t v : row) {
      text += v == 0 ? fmt::format("{:>{}}", ".", width) : fmt::format("{:>{}}", v, width);
      sum += v;
    }
    text += sum == 0 ? "        -\n"
                     : fmt::format("{:>7.1f} %\n", 100.0 * static_cast<double>(row[r]) / static_cast<double>(sum));
  }
  return text;
}

nlohmann::json to_json(const Metrics& m, std::span<const std::string> class_names) {
  const auto n = static_cast<size_t>(m.classes);
  auto confusion = nlohmann::json::array();
  for (size_t r = 0; r < n; ++r) confusion.push_back(std::span(m.confusion).subspan(r * n, n));
  return {{"images", m.count},   {"top1", m.top1_percent()}, {"top5", m.top5_percent()}, {"loss", m.loss},
          {"confusion", confusion}, {"class_names", class_names}};
}

}  // namespace odenet::eval
