#include "spec/network_spec.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_number.h"
#include "core/names.h"
#include "ode/solver.h"
#include "ode/step_controller.h"

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
    {"batch", NormKind::kBatch, "statistics of the batch in training, running ones afterwards"},
    {"instance", NormKind::kInstance, "statistics of each image, as the ODENet paper's accelerator computes them"},
};

std::string_view name_of(const auto& names, auto value) {
  return std::ranges::find_if(names, [&](const auto& n) { return n.value == value; })->name;
}

auto parse_name(const auto& names, const char* key, const nlohmann::json& json) {
  const auto name = json.get<std::string>();
  if (const auto* row = find_named(names, name)) return row->value;
  throw Error("network spec: {} is '{}', expected one of {}", key, name, names_of(names));
}

constexpr int kLargest = 1 << 16;
constexpr int kMostBlocks = 10'000;

// A member of the spec's JSON in [low, high].
int get_int(const nlohmann::json& json, const char* key, int low, int high) {
  return static_cast<int>(json_integer(json.at(key), fmt::format("network spec: {}", key), low, high));
}

void check_adaptive(const Stage& stage) {
  const AdaptiveSteps& steps = stage.steps;
  const auto require = [&](bool condition, const char* name, double value, const char* expected) {
    if (!condition) throw Error("{} of adaptive steps is {}, expected {}", name, value, expected);
  };
  ode::find_controller(steps.controller);
  ode::require_error_estimate(ode::find_solver(stage.solver));
  require(steps.rtol >= 0 && std::isfinite(steps.rtol), "rtol", steps.rtol, "0 or more");
  require(steps.atol >= 0 && std::isfinite(steps.atol), "atol", steps.atol, "0 or more");
  require(steps.rtol + steps.atol > 0, "atol", steps.atol, "more than 0 where rtol is 0");
  require(steps.first_step > 0 && std::isfinite(steps.first_step), "first_step", steps.first_step, "more than 0");
  require(steps.accepts >= 1, "accepts", steps.accepts, "1 or more");
  require(steps.rejects >= 1, "rejects", steps.rejects, "1 or more");
  require(steps.window >= 0, "window", steps.window, "0 or more");
}

// The executions are a whole number of the solver's steps.
void check_solver(const Stage& stage) {
  const ode::Solver& solver = ode::find_solver(stage.solver);
  const bool euler = stage.solver == Stage().solver;
  if (!stage.ode && !euler)
    throw Error("network spec: stage {} is no ODEBlock and has the solver '{}'", stage.name, stage.solver);
  if (stage.adaptive()) {
    if (!stage.ode) throw Error("network spec: stage {} is no ODEBlock and has adaptive steps", stage.name);
    if (stage.executions != 1)
      throw Error("network spec: stage {} has adaptive steps and {} executions, expected 1", stage.name,
                  stage.executions);
    return check_adaptive(stage);
  }
  const int per_step = ode::evaluations_per_step(solver), before = ode::evaluations_before(solver);
  if ((stage.executions - before) % per_step != 0 || stage.executions <= before)
    throw Error("network spec: stage {} has {} executions, expected {} for each step of solver '{}'{}", stage.name,
                stage.executions, per_step, stage.solver, before > 0 ? " and one before" : "");
}

}  // namespace

std::span<const NormName> norm_kinds() { return kNorms; }

NormKind find_norm(std::string_view name) {
  if (const NormName* row = find_named(kNorms, name)) return row->value;
  throw Error("norm is '{}', expected one of {}", name, names_of(kNorms));
}

NetworkSpec with_norms(NetworkSpec spec, NormKind kind) {
  for (Stage& stage : spec.stages) stage.norm = kind;
  return spec;
}

int steps(const Stage& stage) {
  if (stage.adaptive()) return 1;
  const ode::Solver& solver = ode::find_solver(stage.solver);
  return (stage.executions - ode::evaluations_before(solver)) / ode::evaluations_per_step(solver);
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
                    .macs = stem * height * int64_t{width}});
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
         .macs = int64_t{height} * width * (weights * stage.blocks * stage.executions + projections * projection)});
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

NetworkSpec with_solver(NetworkSpec spec, std::string_view name, int64_t count) {
  if (count < 0 || count > kMaxRepeats)
    throw Error("steps is {}, expected 0 (as many as before) to {}", count, kMaxRepeats);
  if (!name.empty()) ode::find_solver(name);
  bool found = false;
  for (Stage& stage : spec.stages) {
    if (!stage.ode) continue;
    found = true;
    const ode::Solver& solver = ode::find_solver(name.empty() ? stage.solver : name);
    if (stage.adaptive() && count == 0) {
      ode::require_error_estimate(solver);
      stage.solver = solver.name;
      continue;
    }
    const int64_t executions = ode::evaluations(solver, count == 0 ? steps(stage) : count);
    if (executions > kMaxRepeats)
      throw Error("solver '{}' executes {} {} times, expected at most {}; take fewer steps", solver.name, stage.name,
                  executions, kMaxRepeats);
    stage.solver = solver.name;
    stage.executions = static_cast<int>(executions);
    stage.steps = {};
  }
  if (!found && (count != 0 || (!name.empty() && name != Stage().solver)))
    throw Error("model {} has no ODEBlock that solver or steps could apply to", spec.model);
  return spec;
}

NetworkSpec with_adaptive_steps(NetworkSpec spec, const AdaptiveSteps& steps) {
  if (steps.controller == AdaptiveSteps().controller) return spec;
  bool found = false;
  for (Stage& stage : spec.stages) {
    if (!stage.ode) continue;
    found = true;
    stage.steps = steps;
    stage.executions = 1;
    check_adaptive(stage);
  }
  if (!found) throw Error("model {} has no ODEBlock that controller {} could apply to", spec.model, steps.controller);
  return spec;
}

bool is_adaptive(const NetworkSpec& spec) { return std::ranges::any_of(spec.stages, &Stage::adaptive); }

void to_json(nlohmann::json& json, const AdaptiveSteps& steps) {
  json = {{"controller", steps.controller}, {"rtol", steps.rtol},       {"atol", steps.atol},
          {"first_step", steps.first_step}, {"accepts", steps.accepts}, {"rejects", steps.rejects},
          {"window", steps.window}};
}

void from_json(const nlohmann::json& json, AdaptiveSteps& steps) {
  steps = {.controller = json.at("controller").get<std::string>(),
           .rtol = json.at("rtol").get<double>(),
           .atol = json.at("atol").get<double>(),
           .first_step = json.at("first_step").get<double>(),
           .accepts = get_int(json, "accepts", 1, INT_MAX),
           .rejects = get_int(json, "rejects", 1, INT_MAX),
           .window = get_int(json, "window", 0, INT_MAX)};
}

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
                      {"norm", name_of(kNorms, s.norm)},
                      {"solver", s.solver},
                      {"skips", std::move(skips)}});
    if (s.adaptive()) stages.back()["adaptive"] = s.steps;
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
  int channels = spec.stem_channels, blocks = 0;
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
    if (entry.contains("norm")) stage.norm = parse_name(kNorms, "norm", entry["norm"]);
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
    if (entry.contains("solver")) stage.solver = entry["solver"].get<std::string>();
    if (entry.contains("adaptive")) stage.steps = entry["adaptive"].get<AdaptiveSteps>();
    check_solver(stage);
    channels = stage.channels;
    blocks += stage.blocks;
    if (blocks > kMostBlocks) throw Error("network spec: more than {} blocks, in stage {}", kMostBlocks, stage.name);
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
