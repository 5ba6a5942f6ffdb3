#include "spec/zoo.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "core/error.h"
#include "core/parse_number.h"

namespace odenet {

namespace {

// How a stage of equal blocks is built: `count` blocks of their own weights, or one ODEBlock executed `count` times.
enum class Kind { residual, ode };
using enum Kind;

struct Repeat {
  Kind kind;
  int count;  // 0: the stage is left out
};

// The paper's Table 2 with the repeated stages filled in.
std::vector<Stage> table2(Repeat layer1, Repeat layer2_2, Repeat layer3_2) {
  std::vector<Stage> stages;
  const auto add = [&](const char* name, int in_channels, int channels, int stride, Repeat repeat) {
    if (repeat.count == 0) return;
    const bool ode = repeat.kind == Kind::ode;
    stages.push_back({.name = name,
                      .in_channels = in_channels,
                      .channels = channels,
                      .stride = stride,
                      .blocks = ode ? 1 : repeat.count,
                      .executions = ode ? repeat.count : 1,
                      .ode = ode});
  };
  add("layer1", 16, 16, 1, layer1);
  add("layer2_1", 16, 32, 2, {residual, 1});
  add("layer2_2", 32, 32, 1, layer2_2);
  add("layer3_1", 32, 64, 2, {residual, 1});
  add("layer3_2", 64, 64, 1, layer3_2);
  return stages;
}

// Every block with weights of its own, as in ResNet.
std::vector<Stage> plain(int n, Skip skip = Skip::kFull, Shortcut shortcut = Shortcut::kPad) {
  const int k = (n - 2) / 6;
  std::vector<Stage> stages = table2({residual, k}, {residual, k - 1}, {residual, k - 1});
  for (Stage& stage : stages) {
    stage.shortcut = shortcut;
    if (skip != Skip::kFull) stage.skips.assign(static_cast<size_t>(stage.blocks), skip);
  }
  return stages;
}

// ODENet: an ODEBlock instead of every stage of equal blocks.
std::vector<Stage> odes(int n, Body ode_body = Body::kPlain, Body stride2_body = Body::kPlain) {
  const int k = (n - 2) / 6;
  std::vector<Stage> stages = table2({ode, k}, {ode, k - 1}, {ode, k - 1});
  for (Stage& stage : stages) stage.body = stage.ode ? ode_body : stride2_body;
  return stages;
}

// Every family has (N - 2) / 2 block executions.
constexpr std::array<Family, 13> kFamilies{{
    {"resnet", "", "every block has weights of its own", 8, 6, [](int n) { return plain(n); }},
    {"resnet-b", "", "resnet with 1x1 convolutions as the shortcuts that change the shape", 8, 6,
     [](int n) { return plain(n, Skip::kFull, Shortcut::kProjection); }},
    {"short-resnet", "", "resnet whose skips end after the first norm of a block", 8, 6,
     [](int n) { return plain(n, Skip::kShort); }},
    {"short-resnet-b", "", "resnet-b whose skips end after the first norm of a block", 8, 6,
     [](int n) { return plain(n, Skip::kShort, Shortcut::kProjection); }},
    {"nonresnet", "", "resnet without skips", 8, 6, [](int n) { return plain(n, Skip::kNone); }},
    {"odenet", "", "layer1, layer2_2 and layer3_2 are ODEBlocks", 14, 6, [](int n) { return odes(n); }},
    {"dsodenet", "", "odenet with depthwise separable convolutions in the ODEBlocks", 14, 6,
     [](int n) { return odes(n, Body::kSeparable); }},
    {"dsodenet-s2", "", "dsodenet with depthwise separable convolutions in the stride-2 blocks too", 14, 6,
     [](int n) { return odes(n, Body::kSeparable, Body::kSeparable); }},
    {"mixed-odenet", "hybrid-3", "only layer3_2 is an ODEBlock", 14, 6,
     [](int n) {
       const int k = (n - 2) / 6;
       return table2({residual, k}, {residual, k - 1}, {ode, k - 1});
     }},
    {"biased-odenet", "rodenet-3", "all executions saved elsewhere go to the ODEBlock layer3_2", 14, 6,
     [](int n) {
       return table2({residual, 1}, {residual, 0}, {ode, (n - 8) / 2});
     }},
    {"rodenet-1", "", "all executions go to the ODEBlock layer1", 14, 6,
     [](int n) {
       return table2({ode, (n - 6) / 2}, {residual, 0}, {residual, 0});
     }},
    {"rodenet-2", "", "all executions go to the ODEBlock layer2_2", 14, 6,
     [](int n) {
       return table2({residual, 1}, {ode, (n - 8) / 2}, {residual, 0});
     }},
    {"rodenet-1+2", "", "executions go to the ODEBlocks layer1 and layer2_2 in equal parts", 20, 12,
     [](int n) {
       return table2({ode, (n - 4) / 4}, {ode, (n - 8) / 4}, {residual, 0});
     }},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

std::string family_names() {
  std::string text;
  for (const Family& f : kFamilies) {
    text += fmt::format("{}{}-N", text.empty() ? "" : ", ", f.name);
    if (!f.alias.empty()) text += fmt::format(" (= {}-N)", f.alias);
  }
  return text;
}

std::string depths(const Family& family) {
  std::string text;
  for (int i = 0; i < 9; ++i) text += fmt::format("{}, ", family.min_depth + i * family.depth_step);
  const int last = family.min_depth + (kMaxDepth - family.min_depth) / family.depth_step * family.depth_step;
  return text + fmt::format("... {} (every {}th)", last, family.depth_step);
}

}  // namespace

std::span<const Family> families() { return kFamilies; }

NetworkSpec make_spec(std::string_view name, int classes, double end_time) {
  const std::string wanted = lower(name);
  const size_t dash = wanted.rfind('-');
  const std::string stem = wanted.substr(0, dash);
  const std::string number = dash == std::string::npos ? "" : wanted.substr(dash + 1);
  const auto family = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& f) {
    return f.name == stem || (!f.alias.empty() && f.alias == stem);
  });
  if (family == kFamilies.end())
    throw Error("unknown model '{}'; the models are {}, for example biased-odenet-20", name, family_names());
  int depth = 0;
  const bool valid = parse_number(number, depth) && depth >= family->min_depth && depth <= kMaxDepth &&
                     (depth - family->min_depth) % family->depth_step == 0;
  if (!valid)
    throw Error("model '{}': N is '{}'; the valid N of {}-N are {}", name, number, family->name, depths(*family));
  if (classes < 1 || classes > 65536) throw Error("model '{}': {} classes, expected 1 to 65536", name, classes);
  if (!(end_time > 0)) throw Error("model '{}': end time {}, expected more than 0", name, end_time);
  NetworkSpec spec;
  spec.model = fmt::format("{}-{}", family->name, depth);
  spec.classes = classes;
  spec.end_time = end_time;
  spec.stages = family->stages(depth);
  return spec;
}

std::string zoo_name(const NetworkSpec& spec) {
  int depth = 0;
  if (!parse_number(std::string_view(spec.model).substr(spec.model.rfind('-') + 1), depth)) return "";
  for (const Family& family : kFamilies) {
    if (depth < family.min_depth || (depth - family.min_depth) % family.depth_step != 0) continue;
    NetworkSpec candidate = make_spec(fmt::format("{}-{}", family.name, depth), spec.classes, spec.end_time);
    const std::string name = std::exchange(candidate.model, spec.model);
    if (candidate == spec) return name;
  }
  return "";
}

}  // namespace odenet
