#include "eval/rtl_backend.h"

#include "engine/export.h"

namespace odenet::eval {

namespace {

engine::Program compile_layer(const fixed::Network& network, const std::string& layer, int macs) {
  return engine::compile(network.blocks[engine::find_block(network, layer)], network.formats(), macs);
}

}  // namespace

RtlBackend::RtlBackend(fixed::Network network, const std::string& layer, int macs, int threads)
    : FixedBackend(std::move(network), threads),
      program_(compile_layer(runner().network(), layer, macs)),
      simulator_(program_, threads) {
  runner().replace_block(engine::find_block(runner().network(), layer), [this](std::span<const int32_t> z0) {
    engine::Simulation simulation = simulator_.run(z0);
    counters_.insert(counters_.end(), simulation.images.begin(), simulation.images.end());
    return std::move(simulation.output);
  });
}

}  // namespace odenet::eval
