#include "engine/performance.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "spec/zoo.h"

namespace odenet::engine {
namespace {

// H. Watanabe and H. Matsutani, "Accelerating ODE-Based Neural Networks on Low-Cost FPGAs", Table 4. ResNet-44's
// layer3_2 is printed in the column beside it.
constexpr PaperTimes kTable4[] = {
    {"resnet-20", 0.79, 0.17, 0, 0, 0},
    {"resnet-32", 1.26, 0.33, 0, 0, 0},
    {"resnet-44", 1.72, 0.49, 0, 0, 0},
    {"resnet-56", 2.17, 0.65, 0, 0, 0},
    {"odenet-20", 0.72, 0.14, 0.03, 0.59, 1.21},
    {"odenet-32", 1.06, 0.26, 0.07, 0.85, 1.25},
    {"odenet-44", 1.35, 0.37, 0.10, 1.05, 1.28},
    {"odenet-56", 1.76, 0.49, 0.13, 1.38, 1.27},
    {"mixed-odenet-20", 0.77, 0.14, 0.03, 0.64, 1.21},
    {"mixed-odenet-32", 1.20, 0.26, 0.07, 0.98, 1.22},
    {"mixed-odenet-44", 1.61, 0.37, 0.10, 1.32, 1.22},
    {"mixed-odenet-56", 2.03, 0.49, 0.13, 1.65, 1.23},
    {"biased-odenet-20", 0.68, 0.37, 0.10, 0.39, 1.75},
    {"biased-odenet-32", 1.03, 0.72, 0.20, 0.49, 2.11},
    {"biased-odenet-44", 1.37, 1.06, 0.27, 0.58, 2.34},
    {"biased-odenet-56", 1.71, 1.40, 0.39, 0.69, 2.50},
};
constexpr const char* kPaperLayer = "layer3_2";
constexpr int kPaperClasses = 100;

// Milliseconds a multiply-add of the paper's ResNets.
double resnet_rate() {
  double milliseconds = 0, multiply_adds = 0;
  for (const PaperTimes& row : kTable4) {
    if (row.fpga_total != 0) continue;
    milliseconds += 1000 * row.total;
    multiply_adds += static_cast<double>(mac_count(make_spec(row.model, kPaperClasses)));
  }
  return milliseconds / multiply_adds;
}

double sum(const std::vector<LayerTime>& layers, double LayerTime::*time) {
  double total = 0;
  for (const LayerTime& layer : layers) total += layer.*time;
  return total;
}

std::string stage_of(const std::string& block) { return block.substr(0, block.rfind('.')); }

Performance on_processor(const NetworkSpec& spec) {
  Performance result{.paper = paper_times(spec.model)};
  double others = 0;  // multiply-adds outside layer3_2
  for (const LayerInfo& layer : layers(spec))
    if (layer.name != kPaperLayer) others += static_cast<double>(layer.macs);
  const double rate = result.paper ? 1000 * (result.paper->total - result.paper->layer3_2) / others : resnet_rate();
  for (const LayerInfo& layer : layers(spec)) {
    const bool printed = result.paper && layer.name == kPaperLayer;
    LayerTime time{.name = layer.name, .multiply_adds = layer.macs};
    time.processor_ms = printed ? 1000 * result.paper->layer3_2 : rate * static_cast<double>(layer.macs);
    time.accelerated_ms = time.processor_ms;
    result.layers.push_back(time);
  }
  return result;
}

}  // namespace

const PaperTimes* paper_times(const std::string& model) {
  const auto* row = std::ranges::find_if(kTable4, [&](const PaperTimes& r) { return r.model == model; });
  return row == std::end(kTable4) ? nullptr : row;
}

double Performance::processor_ms() const { return sum(layers, &LayerTime::processor_ms); }

double Performance::accelerated_ms() const { return sum(layers, &LayerTime::accelerated_ms); }

Performance project(const NetworkSpec& spec, const std::string& block, const Cycles& image, double megahertz) {
  Performance result = on_processor(spec);
  result.compute_ms = microseconds(image.compute, megahertz) / 1000;
  result.transfer_ms = microseconds(image.load + image.store, megahertz) / 1000;
  const std::string stage = stage_of(block);
  const auto layer = std::ranges::find(result.layers, stage, &LayerTime::name);
  if (layer == result.layers.end()) throw Error("{} has no block {}", spec.model, block);
  const std::vector<LayerInfo> infos = layers(spec);
  const int blocks = std::ranges::find(infos, stage, &LayerInfo::name)->blocks;
  layer->accelerated_ms *= 1 - 1.0 / blocks;  // one of the stage's blocks is on the engine
  layer->accelerated_ms += result.compute_ms + result.transfer_ms;
  return result;
}

Performance project(const NetworkSpec& spec, const Program& network, double megahertz) {
  const Cycles image = cycles(network);
  const auto milliseconds = [&](int64_t count) { return microseconds(count, megahertz) / 1000; };
  Performance result = on_processor(spec);
  result.compute_ms = milliseconds(image.compute);
  result.transfer_ms = milliseconds(image.load + image.store);
  const std::vector<int64_t> sections = section_cycles(network);
  for (LayerTime& layer : result.layers) {
    layer.accelerated_ms = 0;
    for (size_t s = 0; s < sections.size(); ++s)
      if (stage_of(network.sections[s].name) == layer.name) layer.accelerated_ms += milliseconds(sections[s]);
  }
  result.layers.front().accelerated_ms += milliseconds(image.load);
  result.layers.back().accelerated_ms += milliseconds(image.store);
  return result;
}
std::string to_text(const Performance& p) {
  std::string text = fmt::format("projected, {}:\n{:<10} {:>14} {:>13} {:>13}\n",
                                 p.paper ? "the paper's Cortex-A9" : "a Cortex-A9 as fast as with the paper's ResNets",
                                 "layer", "multiply-adds", "processor ms", "accelerated");
  for (const LayerTime& layer : p.layers)
    text += fmt::format("{:<10} {:>14} {:>13.1f} {:>13.1f}\n", layer.name, layer.multiply_adds, layer.processor_ms,
                        layer.accelerated_ms);
  text += fmt::format("{:<10} {:>14} {:>13.1f} {:>13.1f}   {:.2f} times faster\n", "total", "", p.processor_ms(),
                      p.accelerated_ms(), p.speedup());
  if (p.paper && p.paper->fpga_total != 0)
    text += fmt::format("the paper's accelerator, without transfer: {:.0f} ms of {:.0f}, {:.2f} times faster\n",
                        1000 * p.paper->fpga_layer3_2, 1000 * p.paper->fpga_total, p.paper->speedup);
  return text;
}

void to_json(nlohmann::json& json, const Performance& p) {
  auto rows = nlohmann::json::array();
  for (const LayerTime& layer : p.layers)
    rows.push_back({{"layer", layer.name},
                    {"multiply_adds", layer.multiply_adds},
                    {"processor_ms", layer.processor_ms},
                    {"accelerated_ms", layer.accelerated_ms}});
  json = {{"processor", p.paper ? "Cortex-A9, Table 4" : "Cortex-A9, a multiply-add as in Table 4's ResNets"},
          {"layers", std::move(rows)},
          {"engine_compute_ms", p.compute_ms},
          {"engine_transfer_ms", p.transfer_ms},
          {"processor_ms", p.processor_ms()},
          {"accelerated_ms", p.accelerated_ms()},
          {"speedup", p.speedup()}};
  if (p.paper && p.paper->fpga_total != 0)
    json["paper"] = {{"layer3_2_ms", 1000 * p.paper->fpga_layer3_2},
                     {"accelerated_ms", 1000 * p.paper->fpga_total},
                     {"speedup", p.paper->speedup}};
}

}  // namespace odenet::engine
