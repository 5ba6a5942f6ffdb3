// What a block, or a whole network, costs on engines of every size and of several formats, without building one.
//
//   engine::Exploration all = engine::explore(block, net.formats(), {.device = engine::kXczu7ev});
//   for (const EngineSize& size : all.sizes) ... size.macs, size.cycles, size.resources, size.pareto
//   fmt::print("{}", engine::to_text(all));
//
// Cycles and DSPs are those of the engine; the other resources an estimate (engine/resources.h).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/compiler.h"
#include "engine/resources.h"

namespace odenet::engine {

// An engine's formats, "16.9/16.12" for activations of 16 bits, 9 of them fraction, and weights of 16, 12 of them
// fraction; those of sums are chosen as in `odenet quantize`. Throws Error for other text.
fixed::Formats parse_engine_formats(const std::string& text);
std::string to_text(fixed::Format activation, fixed::Format weight);

// What is explored besides a network's own formats: from 25 x 18 bits, the most that one DSP multiplies, down to 8.
std::span<const std::string_view> explored_formats();

struct ExploreOptions {
  Device device = kXc7z020;
  double megahertz = 100;
  std::vector<fixed::Formats> others{};  // formats besides the network's own
};

struct EngineSize {
  int macs = 0;
  fixed::Format activation{}, weight{};
  std::string refused{};  // why there is no such engine; then the rest is zero
  Lanes lanes{};
  int64_t cycles = 0;  // that compute an image
  Resources resources{};
  bool fits = false;    // the device, also with weights and tables that can be rewritten
  bool pareto = false;  // see explore()
};

struct Exploration {
  Device device{};
  double megahertz = 100;
  std::vector<EngineSize> sizes{};  // every number of lanes in the network's formats, then in the next ones
};

// Every valid number of multiply-accumulate units, in the network's formats and in the others.
//
// A size is Pareto-optimal that fits the device and is beaten by no other one that does: by none that is as good or
// better in all of cycles, bits of activations, bits of weights and the largest share that it takes of any of the
// device's resources, and better in one. Not of each resource: a size that takes fewer DSPs, but as many of the block
// RAMs, which are scarcer on that device, leaves room for nothing more, and is only slower.
Exploration explore(const fixed::Block& block, const fixed::Formats& formats, const ExploreOptions& options);
Exploration explore(const fixed::Network& network, const ExploreOptions& options);

// The block with its weights in another format, rounded half up; one that becomes too large stays too large, so that
// compile() refuses it. That is enough to lay out the engine and to prove its accumulators. Time biases, scales and
// shifts stay what they are: it is not the block that `odenet quantize` would make of these formats.
fixed::Block with_weights_in(const fixed::Block& block, const fixed::Formats& from, fixed::Format to);

// The same of a network, whose table of inputs is converted, too.
fixed::Network with_formats(const fixed::Network& network, const fixed::Formats& to);

std::string to_text(const Exploration& exploration);
void to_json(nlohmann::json& json, const Exploration& exploration);

}  // namespace odenet::engine
