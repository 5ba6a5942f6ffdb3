#include "engine/explore.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "engine/cycles.h"

namespace odenet::engine {
std::vector<EngineSize> explore(const fixed::Block& block, const fixed::Formats& formats) {
  std::vector<EngineSize> sizes;
  for (const int macs : valid_macs()) {
    EngineSize size{.macs = macs};
    try {
      const Program program = compile(block, formats, macs);
      size.lanes = program.parameters.lanes;
      size.cycles = cycles(program).compute;
      size.dsp = dsps(program.parameters);
      size.block_rams = block_rams(program.parameters);
    } catch (const Error& e) {
      size.refused = e.what();
    }
    sizes.push_back(std::move(size));
  }
  return sizes;
}

std::string to_text(std::span<const EngineSize> sizes, double megahertz) {
  std::string text =
      fmt::format("{:>4}  {:>8} {:>12} {:>9} {:>6} {:>8}", "MACs", "lanes", "cycles", "ms", "DSP", "BRAM36");
  for (const Device& device : kDevices) text += fmt::format("  {:>15}", device.name);
  text += "\n";
  for (const EngineSize& size : sizes) {
    if (!size.refused.empty()) {
      text += fmt::format("{:>4}  {}\n", size.macs, size.refused);
      continue;
    }
    text += fmt::format("{:>4}  {:>8} {:>12} {:>9.3f} {:>6} {:>8g}", size.macs,
                        fmt::format("{} x {}", size.lanes.oc, size.lanes.px), size.cycles,
                        microseconds(size.cycles, megahertz) / 1000, size.dsp, size.block_rams);
    for (const Device& device : kDevices)
      text += fmt::format("  {:>15}",
                          fmt::format("{:.0f} % {:.0f} %{}", 100.0 * size.dsp / device.dsp,
                                      100 * size.block_rams / device.block_rams, size.fits(device) ? "" : " no"));
    text += "\n";
  }
  return text + fmt::format("At {:g} MHz. BRAM36: at most. Devices: share of DSPs and block RAMs; no: does not fit.\n",
                            megahertz);
}

void to_json(nlohmann::json& json, const EngineSize& size) {
  json = {{"macs", size.macs}};
  if (!size.refused.empty()) {
    json["refused"] = size.refused;
    return;
  }
  json["lanes"] = {{"channels", size.lanes.oc}, {"pixels", size.lanes.px}};
  json["cycles"] = size.cycles;
  json["dsp"] = size.dsp;
  json["block_rams"] = size.block_rams;
  for (const Device& device : kDevices) json["fits"][std::string(device.name)] = size.fits(device);
}

}  // namespace odenet::engine
