#include "eval/rtl_backend.h"

#include <algorithm>

#include "engine/export.h"

namespace odenet::eval {

namespace {

engine::Program compile_layer(const fixed::Network& network, const std::string& layer, int macs) {
  // A simulated engine may be as large as that of any device.
  if (layer.empty()) return engine::compile(network, macs, engine::kXczu7ev);
  return engine::compile(network.blocks[engine::find_block(network, layer)], network.formats(), macs, engine::kXczu7ev);
}

}  // namespace

RtlBackend::RtlBackend(fixed::Network network, const std::string& layer, int macs, int threads)
    : FixedBackend(std::move(network), threads),
      program_(compile_layer(runner().network(), layer, macs)),
      simulator_(program_, threads) {
  const auto simulate = [this](std::span<const int32_t> input) {
    engine::Simulation simulation = simulator_.run(input);
    counters_.insert(counters_.end(), simulation.images.begin(), simulation.images.end());
    return std::move(simulation.output);
  };
  if (program_.network)
    runner().replace_network(simulate);
  else
    runner().replace_block(engine::find_block(runner().network(), layer), simulate);
}

std::vector<std::pair<std::string, double>> RtlBackend::counts() const {
  auto counts = FixedBackend::counts();
  double cycles = 0;
  for (const engine::ImageCounters& image : counters_) {
    counts.front().second += static_cast<double>(image.saturations);
    cycles += static_cast<double>(image.compute_cycles);
  }
  counts.emplace_back("engine_cycles_an_image", cycles / static_cast<double>(std::max<size_t>(counters_.size(), 1)));
  return counts;
}

}  // namespace odenet::eval
