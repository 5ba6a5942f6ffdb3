#include "engine/skip_costs.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "engine/compiler.h"
#include "engine/cycles.h"

namespace odenet::engine {
namespace {

struct SkipRow {
  Skip skip;
  const char* name;
};
constexpr SkipRow kSkips[] = {{Skip::kFull, "full"}, {Skip::kShort, "short"}, {Skip::kNone, "none"}};

const char* name_of(Skip skip) {
  for (const SkipRow& row : kSkips)
    if (row.skip == skip) return row.name;
  throw Error("unknown skip {}", static_cast<int>(skip));
}

double kibibits(int64_t bits) { return static_cast<double>(bits) / 1024; }

}  // namespace

MemoryBits memory_bits(const Program& program) {
  const Parameters& p = program.parameters;
  return {.maps = (int64_t{p.map_words[0]} + p.map_words[1]) * p.lanes.px * p.activation.width,
          .weights = int64_t{p.weight_words} * p.lanes.oc * p.weight.width,
          .tables = int64_t{p.table_words} * (9 + 2) * 32,
          .program = int64_t{p.program_words} * 256};
}

void to_json(nlohmann::json& json, const MemoryBits& bits) {
  json = {{"maps", bits.maps}, {"weights", bits.weights}, {"tables", bits.tables}, {"program", bits.program}};
}

std::vector<SkipCost> skip_costs(const fixed::Block& block, const fixed::Formats& formats, Lanes lanes,
                                 const Device& device) {
  std::vector<SkipCost> costs;
  if (block.ode) return costs;
  for (const auto& [skip, name] : kSkips) {
    fixed::Block other = block;
    other.skip = skip;
    if (skip == Skip::kNone) other.projection.reset();
    try {
      const Program program = compile(other, formats, lanes, device);
      costs.push_back({.skip = skip,
                       .own = skip == block.skip,
                       .cycles = cycles(program).compute,
                       .memory = memory_bits(program),
                       .resources = estimate(program, device.family)});
    } catch (const Error&) {
      continue;  // such as a short skip of separable convolutions
    }
  }
  return costs;
}

std::string to_text(std::span<const SkipCost> costs, DeviceFamily family) {
  std::string text =
      fmt::format("{:<6} {:>10} {:>9} {:>12} {:>11}", "skip", "cycles", "Kib maps", "Kib weights", "Kib tables");
  for (const ResourceKind& kind : kResourceKinds) text += fmt::format(" {:>7}", kind.cell(family));
  text += "\n";
  for (const SkipCost& cost : costs) {
    text += fmt::format("{:<6} {:>10} {:>9.1f} {:>12.1f} {:>11.1f}", name_of(cost.skip), cost.cycles,
                        kibibits(cost.memory.maps), kibibits(cost.memory.weights), kibibits(cost.memory.tables));
    for (const ResourceKind& kind : kResourceKinds) text += fmt::format(" {:>7g}", cost.resources.*kind.count);
    text += cost.own ? "  this block\n" : "\n";
  }
  return text;
}

void to_json(nlohmann::json& json, const SkipCost& cost) {
  json = {{"skip", name_of(cost.skip)},
          {"own", cost.own},
          {"cycles", cost.cycles},
          {"memory_bits", cost.memory},
          {"resources", cost.resources}};
}

}  // namespace odenet::engine
