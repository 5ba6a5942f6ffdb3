#include "spec/network_spec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/names.h"

namespace odenet {

namespace {

constexpr int kTaps = 9;  // of a 3x3 convolution

// Of one convolution, without the time; as many multiply-adds it needs per output pixel.
int64_t conv_weights(Body body, int in_channels, int channels) {
  const int64_t in = in_channels;
  return body == Body::kSeparable ? in * kTaps + in * channels : in * channels * kTaps;
}

int64_t time_weights(Body body, int channels) {
  return body == Body::kSeparable ? channels : int64_t{channels} * kTaps;
}

// The values of a choice as they are called in JSON.
template <typename T>
struct Name {
  std::string_view name;
  T value;
};
constexpr Name<Skip> kSkips[] = {{"full", Skip::kFull}, {"short", Skip::kShort}, {"none", Skip::kNone}};
constexpr Name<Shortcut> kShortcuts[] = {{"pad", Shortcut::kPad}, {"projection", Shortcut::kProjection}};
constexpr Name<Body> kBodies[] = {{"plain", Body::kPlain}, {"separable", Body::kSeparable}};

constexpr NormName kNorms[] = {
    {"batch", "statistics of the batch in training, running ones afterwards", NormKind::kBatch},
    {"instance", "statistics of each image, as the ODENet paper's accelerator computes them", NormKind::kInstance},
};

template <typename T, size_t N>
std::string_view name_of(const Name<T> (&names)[N], T value) {
  return std::find_if(names, names + N, [&](const auto& n) { return n.value == value; })->name;
}

template <typename T, size_t N>
T parse_name(const Name<T> (&names)[N], const char* key, const nlohmann::json& json) {
  const auto name = json.get<std::string>();
  const auto found = std::find_if(names, names + N, [&](const auto& n) { return n.name == name; });
  if (found == names + N) throw Error("network spec: {} is '{}', expected one of {}", key, name, names_of(names));
  return found->value;
}

constexpr int kLargest = 1 << 16;

std::string_view norm_name(NormKind kind) { return std::ranges::find(kNorms, kind, &NormName::kind)->name; }

// A member of the spec's JSON in [low, high].
int get_int(const nlohmann::json& json, const char* key, int low, int high) {
  const int value = json.at(key).get<int>();
  if (value < low || value > high) throw Error("network spec: {} is {}, expected {} to {}", key, value, low, high);
  return value;
}

}  // namespace

std::span<const NormName> norm_kinds() { return kNorms; }

NormKind find_norm(std::string_view name) {
  for (const NormName& norm : kNorms)
    if (norm.name == name) return norm.kind;
  throw Error("norm is '{}', expected one of {}", name, names_of(kNorms));
}

NetworkSpec with_norms(NetworkSpec spec, NormKind kind) {
  for (Stage& stage : spec.stages) stage.norm = kind;
  return spec;
}

std::vector<LayerInfo> layers(const NetworkSpec& spec) {
  int height = spec.height, width = spec.width;
  std::vector<LayerInfo> result;
  const int64_t stem = conv_weights(Body::kPlain, spec.in_channels, spec.stem_channels);
  result.push_back({.name = "conv1",
                    .channels = spec.stem_channels,
                    .height = height,
                    .width = width,
                    .parameters = stem + 2 * spec.stem_channels,
                    .macs = stem * height * width});
  for (const Stage& stage : spec.stages) {
    height = conv_size(height, stage.stride);
    width = conv_size(width, stage.stride);
    const int64_t weights = conv_weights(stage.body, stage.in_channels, stage.channels) +
                            conv_weights(stage.body, stage.channels, stage.channels);
    const int64_t time = stage.ode ? 2 * time_weights(stage.body, stage.channels) : 0;
    const int64_t norms = 4 * stage.channels;
    int64_t projections = 0;
    for (int i = 0; i < stage.blocks; ++i) projections += stage.projects(i);
    const int64_t projection = int64_t{stage.in_channels} * stage.channels;
    result.push_back(
        {.name = stage.name,
         .channels = stage.channels,
         .height = height,
         .width = width,
         .blocks = stage.blocks,
         .executions = stage.executions,
         .ode = stage.ode,
         .parameters = stage.blocks * (weights + time + norms) + projections * (projection + 2 * stage.channels),
         .macs = height * width * (weights * stage.blocks * stage.executions + projections * projection)});
  }
  const int64_t fc = int64_t{spec.features()} * spec.classes;
  result.push_back(
      {.name = "fc", .channels = spec.classes, .height = 1, .width = 1, .parameters = fc + spec.classes, .macs = fc});
  return result;
}

int64_t parameter_count(const NetworkSpec& spec) {
  int64_t sum = 0;
  for (const LayerInfo& layer : layers(spec)) sum += layer.parameters;
  return sum;
}

int64_t mac_count(const NetworkSpec& spec) {
  int64_t sum = 0;
  for (const LayerInfo& layer : layers(spec)) sum += layer.macs;
  return sum;
}

int skip_count(const NetworkSpec& spec) {
  int count = 0;
  for (const Stage& stage : spec.stages)
    for (int i = 0; i < stage.blocks; ++i) count += !stage.ode && stage.skip(i) != Skip::kNone;
  return count;
}

std::string block_name(const Stage& stage, int index) { return fmt::format("{}.{}", stage.name, index); }

void to_json(nlohmann::json& json, const NetworkSpec& spec) {
  auto stages = nlohmann::json::array();
  for (const Stage& s : spec.stages) {
    auto skips = nlohmann::json::array();
    for (const Skip skip : s.skips) skips.push_back(name_of(kSkips, skip));
    stages.push_back({{"name", s.name},
                      {"in_channels", s.in_channels},
                      {"channels", s.channels},
                      {"stride", s.stride},
                      {"blocks", s.blocks},
                      {"executions", s.executions},
                      {"ode", s.ode},
                      {"body", name_of(kBodies, s.body)},
                      {"shortcut", name_of(kShortcuts, s.shortcut)},
                      {"norm", norm_name(s.norm)},
                      {"skips", std::move(skips)}});
  }
  json = {{"model", spec.model},       {"classes", spec.classes},    {"in_channels", spec.in_channels},
          {"height", spec.height},     {"width", spec.width},        {"stem_channels", spec.stem_channels},
          {"end_time", spec.end_time}, {"stages", std::move(stages)}};
}

void from_json(const nlohmann::json& json, NetworkSpec& spec) {
  spec = {};
  spec.model = json.at("model").get<std::string>();
  spec.classes = get_int(json, "classes", 1, kLargest);
  spec.in_channels = get_int(json, "in_channels", 1, kLargest);
  spec.height = get_int(json, "height", 2, kLargest);
  spec.width = get_int(json, "width", 2, kLargest);
  spec.stem_channels = get_int(json, "stem_channels", 1, kLargest);
  spec.end_time = json.at("end_time").get<double>();
  if (!(spec.end_time > 0)) throw Error("network spec: end_time is {}, expected more than 0", spec.end_time);
  int channels = spec.stem_channels;
  for (const auto& entry : json.at("stages")) {
    Stage stage;
    stage.name = entry.at("name").get<std::string>();
    stage.in_channels = get_int(entry, "in_channels", 1, kLargest);
    stage.channels = get_int(entry, "channels", 1, kLargest);
    stage.stride = get_int(entry, "stride", 1, 2);
    stage.blocks = get_int(entry, "blocks", 1, kMaxRepeats);
    stage.executions = get_int(entry, "executions", 1, kMaxRepeats);
    stage.ode = entry.at("ode").get<bool>();
    if (entry.contains("body")) stage.body = parse_name(kBodies, "body", entry["body"]);
    if (entry.contains("shortcut")) stage.shortcut = parse_name(kShortcuts, "shortcut", entry["shortcut"]);
    if (entry.contains("norm")) stage.norm = find_norm(entry["norm"].get<std::string>());
    if (entry.contains("skips"))
      for (const auto& skip : entry["skips"]) stage.skips.push_back(parse_name(kSkips, "skip", skip));
    if (stage.in_channels != channels)
      throw Error("network spec: stage {} takes {} channels, the one before gives {}", stage.name, stage.in_channels,
                  channels);
    if (stage.ode && stage.changes_shape())
      throw Error("network spec: ODEBlock {} changes the shape; z and f(z, t) must have one shape", stage.name);
    if (stage.in_channels > stage.channels)
      throw Error("network spec: stage {} has fewer channels ({}) than its input ({})", stage.name, stage.channels,
                  stage.in_channels);
    if (!stage.skips.empty() && std::ssize(stage.skips) != stage.blocks)
      throw Error("network spec: stage {} has {} skips for {} blocks", stage.name, stage.skips.size(), stage.blocks);
    if (stage.ode && std::ranges::any_of(stage.skips, [](Skip skip) { return skip != Skip::kFull; }))
      throw Error("network spec: ODEBlock {} without its full skip; z <- z + h f(z, t) needs it", stage.name);
    if (stage.blocks > 1 && stage.changes_shape())
      throw Error("network spec: stage {} repeats a block that changes the shape", stage.name);
    if (stage.executions > 1 && !stage.ode)
      throw Error("network spec: stage {} executes a residual block {} times", stage.name, stage.executions);
    channels = stage.channels;
    spec.stages.push_back(std::move(stage));
  }
}

NetworkSpec parse_spec(const std::string& text, const std::string& source) {
  try {
    return nlohmann::json::parse(text).get<NetworkSpec>();
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: damaged network spec: {}", source, e.what());
  } catch (const Error& e) {
    throw Error("{}: {}", source, e.what());
  }
}

std::string dump_spec(const NetworkSpec& spec) { return nlohmann::json(spec).dump(); }

}  // namespace odenet
