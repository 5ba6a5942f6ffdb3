#include "train/seed_groups.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/text_table.h"

namespace odenet::train {

namespace {

constexpr std::string_view kIrrelevant[] = {"seed", "data_dir", "test_every", "checkpoint_minutes", "threads"};

// A result whose mean is taken.
struct Result {
  std::string_view name, key;
  int decimals;
  std::optional<double> (*value)(const RunSummary& run);
};

std::optional<double> accuracy(const std::optional<EpochResult>& result, double EpochResult::*member) {
  return result && !result->dynamics ? std::optional((*result).*member) : std::nullopt;
}

const Result kResults[] = {
    {"last top-1 (%)", "last_top1", 2, [](const RunSummary& r) { return accuracy(r.last, &EpochResult::test_top1); }},
    {"best top-1 (%)", "best_top1", 2, [](const RunSummary& r) { return accuracy(r.best, &EpochResult::test_top1); }},
    {"last top-5 (%)", "last_top5", 2, [](const RunSummary& r) { return accuracy(r.last, &EpochResult::test_top5); }},
    {"target top-1 (%)", "last_target_top1", 2,
     [](const RunSummary& r) {
       return r.last && r.last->has_target ? std::optional(r.last->target_top1) : std::nullopt;
     }},
    {"last test loss", "last_loss", 4,
     [](const RunSummary& r) { return r.last ? std::optional(r.last->test_loss) : std::nullopt; }},
    {"last rollout error", "last_rollout_error", 4,
     [](const RunSummary& r) {
       return r.last && r.last->dynamics ? std::optional(r.last->rollout_error) : std::nullopt;
     }},
};

// Nothing where not every run has one.
std::optional<Spread> spread_of(const Result& result, std::span<const RunSummary> group) {
  std::vector<double> values;
  for (const RunSummary& run : group)
    if (const auto value = result.value(run)) values.push_back(*value);
  return values.size() == group.size() ? std::optional(spread(values)) : std::nullopt;
}

bool finished(const RunSummary& run) { return std::ssize(run.record.results) >= run.record.config.epochs && run.last; }

// Equal for runs of one group.
std::vector<std::string> identity(const TrainConfig& config) {
  std::vector<std::string> texts;
  for (const Field& field : fields())
    if (std::ranges::find(kIrrelevant, field.name) == std::end(kIrrelevant)) texts.push_back(field_text(config, field));
  return texts;
}

bool any_target(const SeedGroups& groups) {
  return std::ranges::any_of(groups.groups, [](const auto& g) { return !g.front().record.config.target.empty(); });
}

}  // namespace

Spread spread(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {.count = std::ssize(values), .mean = mean, .deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0};
}

SeedGroups group_seeds(std::span<const RunSummary> runs) {
  SeedGroups result;
  std::map<std::vector<std::string>, size_t> index;
  for (const RunSummary& run : runs) {
    if (!finished(run)) {
      result.unfinished.push_back(run);
      continue;
    }
    const auto [place, is_new] = index.try_emplace(identity(run.record.config), result.groups.size());
    if (is_new) result.groups.emplace_back();
    auto& group = result.groups[place->second];
    for (const RunSummary& other : group)
      if (other.record.config.seed == run.record.config.seed)
        throw Error("{} and {} have the same settings and the same seed, {}: leave one of them out", other.name,
                    run.name, run.record.config.seed);
    group.push_back(run);
  }
  std::vector<RunSummary> firsts;
  for (const auto& group : result.groups) firsts.push_back(group.front());
  for (const Field* field : differing_fields(firsts))
    if (std::ranges::find(kIrrelevant, field->name) == std::end(kIrrelevant)) result.differing.push_back(field);
  return result;
}

std::string groups_text(const SeedGroups& groups) {
  std::vector<const Result*> shown;
  for (const Result& result : kResults)
    if (std::ranges::any_of(groups.groups, [&](const auto& group) { return spread_of(result, group).has_value(); }))
      shown.push_back(&result);

  std::vector<std::string> heading{"model", "data set"};
  if (any_target(groups)) heading.emplace_back("target");
  for (const Field* field : groups.differing) heading.emplace_back(field->name);
  heading.emplace_back("runs");
  for (const Result* result : shown) heading.emplace_back(result->name);

  std::vector<std::vector<std::string>> lines{heading};
  for (const auto& group : groups.groups) {
    const TrainConfig& config = group.front().record.config;
    auto& line = lines.emplace_back(std::vector{config.model, config.dataset});
    if (any_target(groups)) line.push_back(config.target.empty() ? "-" : config.target);
    for (const Field* field : groups.differing) line.push_back(field_text(config, *field));
    line.push_back(fmt::format("{}", group.size()));
    for (const Result* result : shown) {
      const auto s = spread_of(*result, group);
      if (!s)
        line.emplace_back("-");
      else if (s->count == 1)
        line.push_back(fmt::format("{:.{}f}", s->mean, result->decimals));
      else
        line.push_back(fmt::format("{:.{}f} ± {:.{}f}", s->mean, result->decimals, s->deviation, result->decimals));
    }
  }
  std::string text = groups.groups.empty() ? "" : text_table(lines);
  for (const RunSummary& run : groups.unfinished)
    text += fmt::format("left out, no result of a last epoch: {}, {} of {} epochs\n", run.name, run.record.results.size(),
                        run.record.config.epochs);
  return text;
}

nlohmann::json groups_json(const SeedGroups& groups) {
  nlohmann::json json{{"groups", nlohmann::json::array()}, {"unfinished", nlohmann::json::array()}};
  for (const auto& group : groups.groups) {
    const TrainConfig& config = group.front().record.config;
    nlohmann::json entry{{"model", config.model}, {"dataset", config.dataset}, {"target", config.target}};
    for (const RunSummary& run : group) {
      entry["runs"].push_back(run.name);
      entry["seeds"].push_back(run.record.config.seed);
    }
    for (const Field* field : groups.differing)
      std::visit([&](const auto member) { entry[std::string(field->name)] = config.*member; }, field->member);
    for (const Result& result : kResults)
      if (const auto s = spread_of(result, group))
        entry[std::string(result.key)] = {{"mean", s->mean}, {"deviation", s->deviation}};
    json["groups"].push_back(std::move(entry));
  }
  for (const RunSummary& run : groups.unfinished) json["unfinished"].push_back(run.name);
  return json;
}

}  // namespace odenet::train
