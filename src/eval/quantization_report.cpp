#include "eval/quantization_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "fixed/accumulator_proof.h"
#include "fixed/formats_text.h"

namespace odenet::eval {

namespace {

using fixed::Format;

LayerReport layer_report(std::string layer, const std::vector<int32_t>& values, Format format) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {.layer = std::move(layer),
          .low = format.to_real(*low),
          .high = format.to_real(*high),
          .bits = fixed::bits_needed(*low, *high),
          .format = format,
          .has_values = true};
}

int64_t bits_of(const std::vector<int32_t>& values, Format format) { return std::ssize(values) * format.width; }

}  // namespace

QuantizationReport quantization_report(const fixed::Runner& runner, const Comparison& comparison) {
  const fixed::Network& net = runner.network();
  QuantizationReport report{.formats = net.formats(),
                            .images = comparison.second.count,
                            .parameter_bits = parameter_bits(net),
                            .first_top1 = comparison.first.top1(),
                            .second_top1 = comparison.second.top1(),
                            .disagreeing = comparison.disagreeing};
  for (const fixed::ConvLayer& layer : fixed::conv_layers(net)) {
    const fixed::LayerFormats& f = layer.formats;
    report.layers.push_back(layer_report(layer.name, layer.conv.weight, f.weight));
    report.layers.back().memory_bits = bits_of(layer.conv.weight, f.weight) + bits_of(layer.conv.time_bias, f.sum);
    if (!layer.norm) continue;
    report.layers.push_back(layer_report(layer.norm_name, layer.norm->scale, f.scale));
    report.layers.back().memory_bits = bits_of(layer.norm->scale, f.scale) + bits_of(layer.norm->shift, f.sum);
  }
  report.layers.push_back(layer_report("fc", net.fc_weight, net.weight_of("fc")));
  report.layers.back().memory_bits =
      bits_of(net.fc_weight, net.weight_of("fc")) + bits_of(net.fc_bias, format_at(net, "fc"));

  const auto layer_of = [&](const std::string& name) {
    return std::find_if(report.layers.begin(), report.layers.end(), [&](const auto& l) { return l.layer == name; });
  };
  for (const fixed::AccumulatorProof& proof : fixed::prove_accumulators(net)) {
    const auto layer = layer_of(proof.layer);
    const Format weight = net.weight_of(proof.layer);
    layer->weight_sum = weight.to_real(proof.weight_sum);
    layer->weight_sum_bound = weight.to_real(proof.bound);
  }
  auto last = report.layers.begin();
  for (const auto& [name, count] : runner.saturations()) {
    report.saturations += count;
    auto layer = layer_of(name);  // there is none for a sum, which has no weights: it follows the one before
    if (layer == report.layers.end()) layer = report.layers.insert(last + 1, LayerReport{.layer = name});
    layer->saturations = count;
    last = layer;
  }
  for (const PointComparison& point : comparison.points) {
    const Format format = fixed::format_at(net, point.point);
    const auto integer = [&](float value) {  // float32 may have rounded the largest number up
      return std::clamp<int64_t>(std::llround(double{value} * format.one()), format.min(), format.max());
    };
    report.points.push_back({point, fixed::bits_needed(integer(point.low), integer(point.high)), format,
                             point.count / std::max<int64_t>(report.images, 1) * format.width});
  }
  return report;
}

int64_t parameter_bits(const fixed::Network& network) {
  int64_t bits = 0;
  fixed::Network copy = network;
  for_each_tensor(copy, [&](const fixed::TensorView& tensor) { bits += bits_of(tensor.values, tensor.format); });
  return bits;
}

std::string to_text(const QuantizationReport& report) {
  const auto used = [](const auto& exceptions, Format format) {
    return exceptions.empty() ? describe(format) : fmt::format("in {} bits, each in a format of its own", format.width);
  };
  std::string text = fmt::format("activations {}, weights {}, norm scales {}\n\n",
                                 used(report.formats.activations, report.formats.activation),
                                 used(report.formats.weights, report.formats.weight), describe(report.formats.scale));
  text += fmt::format("{:22} {:>10} {:>10} {:>8} {:>6} {:>9} {:>9} {:>8} {:>11}\n", "layer", "low", "high", "bits",
                      "format", "sum |w|", "bound", "kbit", "saturations");
  for (const LayerReport& l : report.layers) {
    const std::string range = l.has_values
                                  ? fmt::format("{:>10.4f} {:>10.4f} {:>8} {:>6}", l.low, l.high,
                                                fmt::format("{} of {}", l.bits, l.format.width), to_text(l.format))
                                  : fmt::format("{:37}", "");
    const std::string sum = l.weight_sum_bound == 0
                                ? fmt::format("{:19}", "")
                                : fmt::format("{:>9.3f} {:>9.7g}", l.weight_sum, l.weight_sum_bound);
    const std::string memory =
        l.memory_bits == 0 ? "" : fmt::format("{:.1f}", static_cast<double>(l.memory_bits) / 1e3);
    text += fmt::format("{:22} {} {} {:>8} {:>11}\n", l.layer, range, sum, memory, l.saturations);
  }
  text += fmt::format("\n{:28} {:>10} {:>10} {:>8} {:>6} {:>8} {:>11} {:>8}\n", "point", "low", "high", "bits",
                      "format", "kbit", "max error", "SQNR/dB");
  for (const auto& [p, bits, format, memory] : report.points)
    text += fmt::format("{:28} {:>10.4f} {:>10.4f} {:>8} {:>6} {:>8.1f} {:>11.3g} {:>8.1f}\n", p.point, p.low, p.high,
                        fmt::format("{} of {}", bits, format.width), to_text(format), static_cast<double>(memory) / 1e3,
                        p.max_error, p.sqnr_db());
  text += fmt::format("\n{} saturations over {} images; parameters {:.1f} KiB\n", report.saturations, report.images,
                      static_cast<double>(report.parameter_bits) / 8192);
  text += fmt::format("top-1 {:.2f} % in float, {:.2f} % in integers; {} predictions disagree\n",
                      100 * report.first_top1, 100 * report.second_top1, report.disagreeing);
  return text;
}

void to_json(nlohmann::json& json, const QuantizationReport& report) {
  const auto format = [](Format f) { return nlohmann::json{{"width", f.width}, {"fraction", f.fraction}}; };
  auto layers = nlohmann::json::array();
  for (const LayerReport& l : report.layers) {
    nlohmann::json entry{{"layer", l.layer}, {"saturations", l.saturations}};
    if (l.memory_bits != 0) entry["memory_bits"] = l.memory_bits;
    if (l.has_values) entry.update({{"low", l.low}, {"high", l.high}, {"bits", l.bits}, {"format", format(l.format)}});
    if (l.weight_sum_bound != 0) entry.update({{"weight_sum", l.weight_sum}, {"weight_sum_bound", l.weight_sum_bound}});
    layers.push_back(std::move(entry));
  }
  auto points = nlohmann::json::array();
  for (const PointReport& point : report.points) {
    nlohmann::json entry = point.comparison;
    entry["bits"] = point.bits;
    entry["format"] = format(point.format);
    entry["memory_bits"] = point.memory_bits;
    points.push_back(std::move(entry));
  }
  json = {{"formats",
           {{"activation", format(report.formats.activation)},
            {"weight", format(report.formats.weight)},
            {"scale", format(report.formats.scale)}}},
          {"images", report.images},
          {"saturations", report.saturations},
          {"parameter_bits", report.parameter_bits},
          {"float_top1", report.first_top1},
          {"integer_top1", report.second_top1},
          {"disagreeing", report.disagreeing},
          {"layers", std::move(layers)},
          {"points", std::move(points)}};
}

}  // namespace odenet::eval
