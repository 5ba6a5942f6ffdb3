#include "train/run_comparison.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/duration.h"
#include "core/error.h"
#include "core/text_table.h"
#include "train/dynamics_training.h"
#include "train/stages.h"

namespace odenet::train {

namespace fs = std::filesystem;

namespace {

// That all runs are in, so that it need not stand above every column. Empty for one run, and where there is none.
fs::path common_folder(std::span<const RunSummary> runs) {
  if (runs.size() < 2) return {};
  const auto parent = [](const RunSummary& run) { return (fs::path(run.name) / "").parent_path().parent_path(); };
  fs::path folder = parent(runs.front());
  for (const RunSummary& run : runs) {
    const fs::path other = parent(run);
    fs::path common;
    for (auto [a, b] = std::pair(folder.begin(), other.begin()); a != folder.end() && b != other.end() && *a == *b;
         ++a, ++b)
      common /= *a;
    folder = common;
  }
  return folder == "/" ? fs::path() : folder;
}

// One line of the table: what it is called, and what a run has there.
struct Row {
  std::string_view name;
  std::string (*cell)(const RunSummary& run);
  bool (*shown)(const RunSummary& run) = nullptr;  // if it is so of any run; null: always
};

std::string percent(const std::optional<EpochResult>& result, double EpochResult::*member) {
  return result && !result->dynamics ? fmt::format("{:.2f}", (*result).*member) : "-";
}

std::string rollout(const std::optional<EpochResult>& result) {
  return result && result->dynamics ? fmt::format("{:.4g}", result->rollout_error) : "-";
}

bool has_target(const RunSummary& run) { return !run.record.config.target.empty(); }
bool of_dynamics(const RunSummary& run) { return trains_dynamics(run.record.config); }

const Row kRows[] = {
    {"model", [](const RunSummary& r) { return r.record.config.model; }},
    {"data set", [](const RunSummary& r) { return r.record.config.dataset; }},
    {"epochs",
     [](const RunSummary& r) { return fmt::format("{} of {}", r.record.results.size(), r.record.config.epochs); }},
    {"parameters", [](const RunSummary& r) { return fmt::format("{}", r.parameters); }},
    {"MACs", [](const RunSummary& r) { return fmt::format("{:.1f} M", static_cast<double>(r.macs) / 1e6); }},
    {"best top-1 (%)", [](const RunSummary& r) { return percent(r.best, &EpochResult::test_top1); }},
    {"  in epoch", [](const RunSummary& r) { return r.best ? fmt::format("{}", r.best->epoch) : "-"; }},
    {"last top-1 (%)", [](const RunSummary& r) { return percent(r.last, &EpochResult::test_top1); }},
    {"last top-5 (%)", [](const RunSummary& r) { return percent(r.last, &EpochResult::test_top5); }},
    {"last test loss", [](const RunSummary& r) { return r.last ? fmt::format("{:.4g}", r.last->test_loss) : "-"; }},
    {"best rollout error", [](const RunSummary& r) { return rollout(r.best); }, of_dynamics},
    {"last rollout error", [](const RunSummary& r) { return rollout(r.last); }, of_dynamics},
    {"target", [](const RunSummary& r) { return has_target(r) ? r.record.config.target : "-"; }, has_target},
    {"target top-1 (%)",
     [](const RunSummary& r) { return has_target(r) ? percent(r.last, &EpochResult::target_top1) : "-"; }, has_target},
    {"  of the best epoch",
     [](const RunSummary& r) { return has_target(r) ? percent(r.best, &EpochResult::target_top1) : "-"; }, has_target},
    {"images/s", [](const RunSummary& r) { return fmt::format("{:.0f}", r.images_per_second); }},
    {"time", [](const RunSummary& r) { return duration(r.seconds); }},
};

}  // namespace

RunSummary summarize(const std::filesystem::path& run) {
  RunSummary summary;
  summary.name = run.string();
  summary.record = read_run(run);
  const TrainConfig& config = summary.record.config;
  if (trains_dynamics(config)) {
    summary.parameters = dynamics_parameters(config);
    summary.macs = dynamics_macs(config);
  } else {
    const NetworkSpec spec = network_spec(config);
    summary.parameters = parameter_count(spec);
    summary.macs = mac_count(spec);
  }
  for (const EpochResult& result : summary.record.results) summary.seconds += result.seconds;
  // Of the model, not of the networks before it.
  const int64_t epochs_before = trains_dynamics(config) ? 0 : epochs_before_model(config);
  const auto before = std::min(epochs_before, std::ssize(summary.record.results));
  const std::span<const EpochResult> of_model = std::span(summary.record.results).subspan(static_cast<size_t>(before));
  if (const auto* best = best_result(of_model)) summary.best = *best;
  for (const EpochResult& result : of_model)
    if (result.tested) summary.last = result;
  summary.images_per_second = median_speed(summary.record.results);
  return summary;
}

std::vector<const Field*> differing_fields(std::span<const RunSummary> runs) {
  std::vector<const Field*> differing;
  for (const Field& field : fields()) {
    if (field.name == "model" || field.name == "dataset" || field.name == "target") continue;  // rows of their own
    const auto differs = [&](const RunSummary& run) {
      return field_text(run.record.config, field) != field_text(runs.front().record.config, field);
    };
    if (std::any_of(runs.begin(), runs.end(), differs)) differing.push_back(&field);
  }
  return differing;
}

std::string comparison_text(std::span<const RunSummary> runs) {
  std::vector<std::vector<std::string>> lines;
  const auto add_line = [&](std::string_view name, const auto& cell) {
    auto& line = lines.emplace_back();
    line.emplace_back(name);
    for (const RunSummary& run : runs) line.push_back(cell(run));
  };
  const fs::path folder = common_folder(runs);
  add_line("run", [&](const RunSummary& run) {
    return folder.empty() ? run.name : fs::path(run.name).lexically_relative(folder).string();
  });
  for (const Row& row : kRows)
    if (!row.shown || std::ranges::any_of(runs, row.shown)) add_line(row.name, row.cell);
  for (const Field* field : differing_fields(runs))
    add_line(field->name, [&](const RunSummary& run) { return field_text(run.record.config, *field); });
  return (folder.empty() ? "" : fmt::format("in {}\n", folder.string())) + text_table(lines);
}

nlohmann::json comparison_json(std::span<const RunSummary> runs) {
  const auto target_value = [](const RunSummary& run, const std::optional<EpochResult>& result) {
    return result && has_target(run) ? nlohmann::json(result->target_top1) : nlohmann::json();
  };
  const auto value = [](const std::optional<EpochResult>& result, double EpochResult::*member) {
    const bool accuracy = member == &EpochResult::test_top1 || member == &EpochResult::test_top5;
    return result && !(result->dynamics && accuracy) ? nlohmann::json((*result).*member) : nlohmann::json();
  };
  const auto rollout_value = [](const std::optional<EpochResult>& result) {
    return result && result->dynamics ? nlohmann::json(result->rollout_error) : nlohmann::json();
  };
  nlohmann::json json{{"runs", nlohmann::json::array()}, {"differing", nlohmann::json::array()}};
  for (const RunSummary& run : runs) {
    nlohmann::json config;
    for (const Field& field : fields())
      std::visit([&](const auto member) { config[std::string(field.name)] = run.record.config.*member; }, field.member);
    json["runs"].push_back({{"run", run.name},
                            {"epochs", run.record.results.size()},
                            {"parameters", run.parameters},
                            {"macs", run.macs},
                            {"best_top1", value(run.best, &EpochResult::test_top1)},
                            {"best_epoch", run.best ? nlohmann::json(run.best->epoch) : nlohmann::json()},
                            {"last_top1", value(run.last, &EpochResult::test_top1)},
                            {"last_top5", value(run.last, &EpochResult::test_top5)},
                            {"last_loss", value(run.last, &EpochResult::test_loss)},
                            {"best_rollout_error", rollout_value(run.best)},
                            {"last_rollout_error", rollout_value(run.last)},
                            {"last_target_top1", target_value(run, run.last)},
                            {"best_target_top1", target_value(run, run.best)},
                            {"images_per_second", run.images_per_second},
                            {"seconds", run.seconds},
                            {"config", std::move(config)}});
  }
  for (const Field* field : differing_fields(runs)) json["differing"].push_back(field->name);
  return json;
}

}  // namespace odenet::train
