#include "eval/precision_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/gnuplot.h"
#include "eval/fixed_backend.h"
#include "eval/quantization_report.h"

namespace odenet::eval {

namespace {

// Passes everything on, and keeps the predictions.
class Predictions : public Backend {
 public:
  explicit Predictions(Backend& inner) : inner_(inner) {}
  std::string name() const override { return inner_.name(); }
  int classes() const override { return inner_.classes(); }
  const std::string& dataset() const override { return inner_.dataset(); }
  std::vector<float> logits(std::span<const uint8_t> images, const Tap& tap) override {
    const auto result = inner_.logits(images, tap);
    const auto each = static_cast<size_t>(classes());
    for (size_t i = 0; i < result.size(); i += each)
      predictions.push_back(predicted_class(std::span(result).subspan(i, each)));
    return result;
  }

  std::vector<int> predictions;

 private:
  Backend& inner_;
};

}  // namespace

PrecisionSweep::PrecisionSweep(Backend& reference, const Samples& samples, EvaluateOptions options)
    : samples_(samples), options_(std::move(options)) {
  Predictions recorder(reference);
  reference_ = evaluate(recorder, samples_, options_);
  predictions_ = std::move(recorder.predictions);
}

void PrecisionSweep::add(int bits, fixed::Network network, int threads) {
  SweepRow row{.bits = bits, .parameter_bits = parameter_bits(network)};
  FixedBackend backend(std::move(network), threads);
  Predictions recorder(backend);
  row.metrics = evaluate(recorder, samples_, options_);
  for (size_t i = 0; i < predictions_.size(); ++i) row.disagreeing += predictions_[i] != recorder.predictions[i];
  row.saturations = backend.runner().total_saturations();
  rows_.push_back(std::move(row));
}

std::string to_text(const PrecisionSweep& sweep) {
  const Metrics& reference = sweep.reference();
  std::string text = summary(reference);
  text += fmt::format("\n{:>4} {:>9} {:>9} {:>9} {:>8} {:>12} {:>13} {:>12}\n", "bits", "top-1/%", "change", "top-5/%",
                      "loss", "disagreeing", "saturations", "params/KiB");
  for (const SweepRow& row : sweep.rows())
    text += fmt::format("{:>4} {:>9.2f} {:>+9.2f} {:>9.2f} {:>8.4f} {:>12} {:>13} {:>12.1f}\n", row.bits,
                        100 * row.metrics.top1(), 100 * (row.metrics.top1() - reference.top1()),
                        100 * row.metrics.top5(), row.metrics.loss(), row.disagreeing, row.saturations,
                        static_cast<double>(row.parameter_bits) / 8192);
  return text;
}

void to_json(nlohmann::json& json, const PrecisionSweep& sweep) {
  auto rows = nlohmann::json::array();
  for (const SweepRow& row : sweep.rows())
    rows.push_back({{"bits", row.bits},
                    {"top1", row.metrics.top1()},
                    {"top1_change", row.metrics.top1() - sweep.reference().top1()},
                    {"top5", row.metrics.top5()},
                    {"loss", row.metrics.loss()},
                    {"disagreeing", row.disagreeing},
                    {"saturations", row.saturations},
                    {"parameter_bits", row.parameter_bits}});
  json = {{"reference", sweep.reference()}, {"rows", std::move(rows)}};
}

void draw(const PrecisionSweep& sweep, const std::filesystem::path& picture) {
  if (sweep.rows().empty()) throw Error("no sweep to draw: it has no rows");
  std::vector<const SweepRow*> rows;
  for (const SweepRow& row : sweep.rows()) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(), [](const SweepRow* a, const SweepRow* b) { return a->bits < b->bits; });
  std::string text = "$sweep << EOD\n";
  for (const SweepRow* row : rows) text += fmt::format("{} {}\n", row->bits, 100 * row->metrics.top1());
  text += "EOD\nset grid\nset key bottom right\nset xlabel 'bits of activations and weights'\nset ylabel 'top-1 (%)'\n";
  text += fmt::format("set xrange [{}:{}]\n", rows.front()->bits - 1, rows.back()->bits + 1);
  text += fmt::format(
      "plot $sweep using 1:2 with linespoints pt 7 lw 1.5 lc 1 title 'integers', {} with lines dt 2 lc 2 title {}\n",
      100 * sweep.reference().top1(), gnuplot_string(sweep.reference().backend));
  draw_picture(text, {}, picture);
}

}  // namespace odenet::eval
