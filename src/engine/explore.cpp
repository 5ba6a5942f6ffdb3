#include "engine/explore.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "engine/cycles.h"
#include "fixed/arithmetic.h"
#include "fixed/formats_text.h"

namespace odenet::engine {
namespace {

// Activations up to 256, 64, 64, 32 and 16, weights up to 16, 8, 8, 2 and 2: what trained networks take.
constexpr std::string_view kExploredFormats[] = {"25.16/18.13", "18.11/18.14", "16.9/16.12", "12.6/12.10", "8.3/8.6"};

// So that what is too large for the device is shown, and not refused.
Device without_limits(DeviceFamily family) {
  constexpr double kMany = 1e9;
  return {"", family, {kMany, kMany, kMany, kMany}};
}

// compile: (lanes' number, device) -> Program
template <typename Compile>
EngineSize size_of(const Compile& compile, const fixed::Formats& formats, int macs, const Device& device) {
  EngineSize size{.macs = macs, .activation = formats.activation, .weight = formats.weight};
  try {
    const Program program = compile(macs, without_limits(device.family));
    size.lanes = program.parameters.lanes;
    size.cycles = cycles(program).compute;
    size.resources = estimate(program, device.family);
    size.fits = largest_share(size.resources, device) <= 1 &&
                block_rams(program.parameters, device.family) <= device.has.block_rams;
  } catch (const Error& e) {
    size.refused = e.what();
  }
  return size;
}

bool beats(const EngineSize& a, const EngineSize& b, const Device& device) {
  const double share_a = largest_share(a.resources, device), share_b = largest_share(b.resources, device);
  return a.cycles <= b.cycles && share_a <= share_b && a.activation.width >= b.activation.width &&
         a.weight.width >= b.weight.width &&
         (a.cycles < b.cycles || share_a < share_b || a.activation.width > b.activation.width ||
          a.weight.width > b.weight.width);
}

double milliseconds(const EngineSize& size, double megahertz) { return microseconds(size.cycles, megahertz) / 1000; }

// Numbers of fraction `from` in another format, rounded half up; what is too large is kept, or saturates.
void convert(std::vector<int32_t>& values, int from, fixed::Format to, bool saturate) {
  int64_t saturations = 0;
  for (int32_t& value : values)
    value = fixed::saturate(fixed::align(value, from, to.fraction), saturate ? to : fixed::Format{32, to.fraction},
                            &saturations);
}

// Of every number of lanes in the network's formats and the others. compile_in: formats -> a function that compiles
// for (number of lanes, device).
template <typename CompileIn>
Exploration explore_formats(const fixed::Formats& own, const ExploreOptions& options, const CompileIn& compile_in) {
  Exploration all{.device = options.device, .megahertz = options.megahertz};
  const auto add = [&](const fixed::Formats& formats) {
    const auto compile = compile_in(formats);
    for (const int macs : valid_macs()) all.sizes.push_back(size_of(compile, formats, macs, options.device));
  };
  add(own);
  for (const fixed::Formats& other : options.others)
    if (other != own) add(other);
  for (EngineSize& size : all.sizes)
    size.pareto = size.fits && std::none_of(all.sizes.begin(), all.sizes.end(), [&](const EngineSize& other) {
                    return other.fits && beats(other, size, all.device);
                  });
  return all;
}

}  // namespace

fixed::Formats parse_engine_formats(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos)
    throw Error("formats '{}': expected those of activations and of weights, like 16.9/16.12", text);
  const fixed::Format activation = fixed::parse_format(text.substr(0, slash)),
                      weight = fixed::parse_format(text.substr(slash + 1));
  return fixed::formats_from(fixed::to_text(activation), fixed::to_text(weight));
}

std::string to_text(fixed::Format activation, fixed::Format weight) {
  return fmt::format("{}/{}", fixed::to_text(activation), fixed::to_text(weight));
}

std::span<const std::string_view> explored_formats() { return kExploredFormats; }

fixed::Block with_weights_in(const fixed::Block& block, const fixed::Formats& from, fixed::Format to) {
  fixed::Block converted = block;
  const auto convert_layer = [&](fixed::Conv& conv, const char* layer) {
    convert(conv.weight, from.weight_of(block.name + layer).fraction, to, /*saturate=*/false);
  };
  convert_layer(converted.conv1, ".conv1");
  convert_layer(converted.conv2, ".conv2");
  if (converted.depthwise1) convert_layer(*converted.depthwise1, ".conv1.depthwise");
  if (converted.depthwise2) convert_layer(*converted.depthwise2, ".conv2.depthwise");
  if (converted.projection) convert_layer(*converted.projection, ".shortcut");
  return converted;
}

fixed::Network with_formats(const fixed::Network& network, const fixed::Formats& to) {
  fixed::Network converted = network;
  static_cast<fixed::Formats&>(converted) = to;
  convert(converted.input_table, network.activation_of("input").fraction, to.activation, /*saturate=*/true);
  convert(converted.stem.weight, network.weight_of("conv1").fraction, to.weight, /*saturate=*/false);
  convert(converted.fc_weight, network.weight_of("fc").fraction, to.weight, /*saturate=*/false);
  for (fixed::Block& block : converted.blocks) block = with_weights_in(block, network.formats(), to.weight);
  return converted;
}

Exploration explore(const fixed::Block& block, const fixed::Formats& formats, const ExploreOptions& options) {
  return explore_formats(formats, options, [&](const fixed::Formats& used) {
    fixed::Block converted = used == formats ? block : with_weights_in(block, formats, used.weight);
    return [&used, converted = std::move(converted)](int macs, const Device& device) {
      return compile(converted, used, macs, device);
    };
  });
}

Exploration explore(const fixed::Network& network, const ExploreOptions& options) {
  return explore_formats(network.formats(), options, [&](const fixed::Formats& used) {
    fixed::Network converted = used == network.formats() ? network : with_formats(network, used);
    return
        [converted = std::move(converted)](int macs, const Device& device) { return compile(converted, macs, device); };
  });
}

std::string to_text(const Exploration& exploration) {
  const Device& device = exploration.device;
  std::string text = fmt::format("{:>4}  {:>6}  {:>11} {:>12} {:>9}", "MACs", "lanes", "formats", "cycles", "ms");
  for (const ResourceKind& kind : kResourceKinds) text += fmt::format("  {:>12}", kind.cell(device.family));
  text += "\n";
  for (const EngineSize& size : exploration.sizes) {
    const std::string formats = to_text(size.activation, size.weight);
    if (!size.refused.empty()) {
      text += fmt::format("{:>4}  {:>6}  {:>11}  {}\n", size.macs, "", formats, size.refused);
      continue;
    }
    text += fmt::format("{:>4}  {:>6}  {:>11} {:>12} {:>9.3f}", size.macs,
                        fmt::format("{} x {}", size.lanes.oc, size.lanes.px), formats, size.cycles,
                        milliseconds(size, exploration.megahertz));
    for (const ResourceKind& kind : kResourceKinds)
      text += fmt::format("  {:>6} {:>3.0f} %", size.resources.*kind.count,
                          100 * size.resources.*kind.count / (device.has.*kind.count));
    text += size.pareto ? "  *\n" : size.fits ? "\n" : "  does not fit\n";
  }
  return text + fmt::format(
                    "Shares of the {}, at {:g} MHz. *: of those that fit, no other one is as good in cycles, "
                    "bits and largest share, and better in one.\n",
                    device.name, exploration.megahertz);
}

void to_json(nlohmann::json& json, const Exploration& exploration) {
  json = {{"device", exploration.device.name},
          {"device_resources", exploration.device.has},
          {"megahertz", exploration.megahertz},
          {"sizes", nlohmann::json::array()}};
  for (const EngineSize& size : exploration.sizes) {
    nlohmann::json row = {{"macs", size.macs}, {"formats", to_text(size.activation, size.weight)}};
    if (size.refused.empty())
      row.update({{"lanes", {{"channels", size.lanes.oc}, {"pixels", size.lanes.px}}},
                  {"cycles", size.cycles},
                  {"milliseconds", milliseconds(size, exploration.megahertz)},
                  {"resources", size.resources},
                  {"fits", size.fits},
                  {"pareto", size.pareto}});
    else
      row["refused"] = size.refused;
    json["sizes"].push_back(std::move(row));
  }
}

}  // namespace odenet::engine
