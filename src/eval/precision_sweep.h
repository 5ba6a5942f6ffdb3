// Accuracy against bits: one network in several formats on the same images.
//
//   PrecisionSweep sweep(float_backend, {test.images, test.labels});
//   for (const int bits : {16, 8}) sweep.add(bits, fixed::quantize(checkpoint, {.formats =
//   calibration.formats(bits)})); fmt::print("{}", to_text(sweep)); draw(sweep, "sweep.svg");
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "eval/metrics.h"
#include "fixed/network.h"

namespace odenet::eval {

struct SweepRow {
  int bits = 0;
  Metrics metrics{};
  int64_t disagreeing = 0;     // images with another prediction than the reference
  int64_t saturations = 0;     // of all layers, over all images
  int64_t parameter_bits = 0;  // that weights, biases, scales and shifts take
};

class PrecisionSweep {
 public:
  // Computes the reference's predictions. `samples` must outlive this.
  PrecisionSweep(Backend& reference, const Samples& samples, EvaluateOptions options = {});

  void add(int bits, fixed::Network network, int threads = 0);

  const Metrics& reference() const { return reference_; }
  const std::vector<SweepRow>& rows() const { return rows_; }

 private:
  Samples samples_;
  EvaluateOptions options_;
  Metrics reference_;
  std::vector<int> predictions_;
  std::vector<SweepRow> rows_;
};

std::string to_text(const PrecisionSweep& sweep);

// {"reference": metrics, "rows": [{"bits", "top1", "top1_change", "top5", "loss", "disagreeing", "saturations",
// "parameter_bits"}, ...]}
void to_json(nlohmann::json& json, const PrecisionSweep& sweep);

// Top-1 over bits, with gnuplot; errors as in core/gnuplot.h.
void draw(const PrecisionSweep& sweep, const std::filesystem::path& picture);

}  // namespace odenet::eval
