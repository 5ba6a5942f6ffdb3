#include "train/stages.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "spec/skip_removal.h"
#include "spec/zoo.h"

namespace odenet::train {

namespace {

constexpr std::string_view kAuto = "auto", kModel = "model", kTeacher = "teacher";
constexpr int64_t kSeedStep = 1000;  // from stage to stage

bool names_network(const TrainConfig& config) {
  return config.start != kAuto && config.start != kModel && config.start != kTeacher;
}

// The network of that name, with its own skips, in all else as these settings have it.
NetworkSpec network_of(TrainConfig config, const std::string& model) {
  config.model = model;
  config.skips.clear();
  return network_spec(config);
}

// Only the skips count, not the names.
bool is_model_itself(const NetworkSpec& start, const NetworkSpec& model) {
  return not_reducible(start, model).empty() && not_reducible(model, start).empty();
}

// The networks of the stages; none if the model is trained as it is.
std::vector<NetworkSpec> networks(const TrainConfig& config, const std::optional<NetworkSpec>& teacher) {
  if (config.start != kTeacher && !names_network(config)) return {};
  const NetworkSpec model = network_spec(config),
                    start = config.start == kTeacher ? teacher.value() : start_network(config);
  const bool random = config.start != kTeacher;
  if (random && is_model_itself(start, model)) return {};
  std::vector<NetworkSpec> path =
      removal_path(start, model, {.at_a_time = static_cast<int>(config.skips_a_stage), .shorten = config.shorten});
  if (random) path.insert(path.begin(), start);
  if (path.empty()) path.push_back(model);  // a teacher with the model's skips: one stage that goes on with its weights
  std::string base = start.model;           // of those that the zoo does not have
  for (NetworkSpec& spec : path) {
    if (std::string name = zoo_name(spec); !name.empty()) base = std::move(name);
    spec.model = base;
  }
  path.back() = model;
  return path;
}

std::vector<double> equal_parts(int64_t epochs, size_t stages) {
  const auto count = static_cast<int64_t>(stages);
  std::vector<double> parts;
  for (int64_t i = 0; i < count; ++i)  // what is left over goes to the last ones
    parts.push_back(static_cast<double>(epochs / count + (i >= count - epochs % count)));
  return parts;
}

std::string joined(const std::vector<double>& values) { return fmt::format("{}", fmt::join(values, ",")); }

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

void require_counts(const TrainConfig& config, const std::vector<NetworkSpec>& stages) {
  const auto list = [&](size_t i) { return fmt::format("{} {}", stages[i].model, skip_letters(stages[i])); };
  std::string names;
  for (size_t i = 0; i < stages.size(); ++i) names += (i == 0 ? "" : ", ") + list(i);
  if (config.epochs < std::ssize(stages))
    throw Error("epochs is {}, expected one or more for each of the {} stages: {}", config.epochs, stages.size(),
                names);
  if (!config.stage_epochs.empty() && config.stage_epochs.size() != stages.size())
    throw Error("stage_epochs has {} values, expected one for each of the {} stages: {}", config.stage_epochs.size(),
                stages.size(), names);
  if (!config.stage_lr.empty() && config.stage_lr.size() != stages.size())
    throw Error("stage_lr has {} values, expected one for each of the {} stages: {}", config.stage_lr.size(),
                stages.size(), names);
  if (!config.stage_epochs.empty() && sum(config.stage_epochs) != static_cast<double>(config.epochs))
    throw Error("stage_epochs is '{}', together {}, but epochs is {}", joined(config.stage_epochs),
                sum(config.stage_epochs), config.epochs);
}

// The settings of a stage that trains `spec`.
TrainConfig stage_config(const TrainConfig& whole, const NetworkSpec& spec, size_t index) {
  TrainConfig config = whole;
  config.model = spec.model;
  config.skips = network_of(whole, spec.model) == spec ? "" : skip_letters(spec);
  config.start = kModel;
  config.stage_epochs.clear();
  config.stage_lr.clear();
  const double share = whole.stage_epochs[index] / static_cast<double>(whole.epochs);
  config.epochs = static_cast<int64_t>(whole.stage_epochs[index]);
  config.warmup_epochs *= share;
  for (double& milestone : config.milestones) milestone *= share;
  if (!whole.stage_lr.empty()) config.lr = whole.stage_lr[index];
  config.seed += kSeedStep * static_cast<int64_t>(index);
  if (index == 0 && whole.teacher.empty()) config.distillation = "none";  // it becomes the teacher
  if (config.distillation == "none") config.teacher.clear();
  return config;
}

std::string folder_name(const TrainingStage& stage, size_t index) {
  std::string name = fmt::format("{}-{}", index + 1, stage.config.model);
  if (!stage.config.skips.empty()) name += fmt::format("-{}-skips", skip_count(stage.spec));
  return name;
}

}  // namespace

void validate_stages(const TrainConfig& config) {
  const auto require = [](bool condition, std::string_view name, const auto& value, std::string_view expected) {
    if (!condition) throw Error("{} is '{}', expected {}", name, value, expected);
  };
  require(config.skips_a_stage >= 1 && config.skips_a_stage <= kMaxDepth, "skips_a_stage", config.skips_a_stage,
          fmt::format("1 to {}", kMaxDepth));
  for (const double epochs : config.stage_epochs)
    require(epochs >= 1 && epochs <= 100000 && epochs == std::floor(epochs), "stage_epochs", epochs,
            "whole numbers, 1 or more");
  for (const double lr : config.stage_lr) require(std::isfinite(lr) && lr > 0, "stage_lr", lr, "numbers more than 0");
  const bool distils = config.distillation != "none", has_teacher = !config.teacher.empty();
  require(config.start != kTeacher || has_teacher, "start", config.start, "a teacher to be given, too");
  require(config.start != kTeacher || config.weights.empty(), "weights", config.weights,
          "none where the training starts with those of the teacher");
  const std::vector<NetworkSpec> stages = names_network(config) ? networks(config, {}) : std::vector<NetworkSpec>();
  if (!stages.empty()) require_counts(config, stages);
  require(stages.empty() || config.weights.empty(), "weights", config.weights,
          "none where the start is another network than the model");
  require(!distils || has_teacher || !stages.empty(), "distillation", config.distillation,
          "none, or a teacher, or a start whose first stage becomes the teacher");
  if (config.start == kAuto || config.start == kTeacher) return;
  require(distils || !has_teacher, "teacher", config.teacher,
          "a distillation, or start = teacher: nothing else uses it");
  require(!stages.empty() || config.stage_epochs.empty(), "stage_epochs", joined(config.stage_epochs),
          "none without stages; start names what they begin with");
  require(!stages.empty() || config.stage_lr.empty(), "stage_lr", joined(config.stage_lr),
          "none without stages; start names what they begin with");
}

TrainConfig resolve_stages(TrainConfig config, const std::optional<NetworkSpec>& teacher) {
  const NetworkSpec model = network_spec(config);
  if (config.start == kAuto) {
    const bool more_skips = teacher && config.weights.empty() && not_reducible(*teacher, model).empty() &&
                            !not_reducible(model, *teacher).empty();
    if (teacher && !more_skips && config.distillation == "none")
      throw Error(
          "the teacher, a {}, is of no use: it is not {} with more or longer skips{}, so that it cannot hand its "
          "weights on, and distillation is none",
          teacher->model, model.model,
          config.weights.empty() ? fmt::format(" ({})", not_reducible(*teacher, model)) : "");
    config.start = more_skips ? kTeacher : kModel;
    validate_stages(config);
  }
  const std::vector<NetworkSpec> stages = networks(config, teacher);
  if (stages.empty()) return config;
  require_counts(config, stages);
  if (config.stage_epochs.empty()) config.stage_epochs = equal_parts(config.epochs, stages.size());
  return config;
}

NetworkSpec start_network(const TrainConfig& config) { return network_of(config, config.start); }

std::vector<TrainingStage> plan_stages(const TrainConfig& config, const std::optional<NetworkSpec>& teacher) {
  std::vector<TrainingStage> stages;
  for (const NetworkSpec& spec : networks(config, teacher)) {
    TrainingStage stage{stage_config(config, spec, stages.size()), spec, ""};
    stage.name = folder_name(stage, stages.size());
    stages.push_back(std::move(stage));
  }
  return stages;
}

bool needs_stages(const TrainConfig& config) {
  if (names_network(config)) return !networks(config, {}).empty();
  return config.start == kTeacher ||
         (config.start == kAuto && !config.teacher.empty() && config.distillation == "none");
}

int64_t epochs_before_model(const TrainConfig& config) {
  return config.stage_epochs.empty() ? 0 : static_cast<int64_t>(sum(config.stage_epochs) - config.stage_epochs.back());
}

}  // namespace odenet::train
