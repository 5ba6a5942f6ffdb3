#include "train/metrics_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/error.h"
#include "core/file.h"
#include "core/median.h"
#include "core/parse_number.h"

namespace odenet::train {

namespace {

enum class Kind { exact, test, one_decimal, three_decimals };
enum class In { all_runs, runs_on_images, runs_with_target, adaptive_runs, dynamics_runs };

// Which columns a run has.
struct Contents {
  bool target = false, adaptive = false, dynamics = false;

  bool have(In in) const {
    switch (in) {
      case In::runs_on_images:
        return !dynamics;
      case In::runs_with_target:
        return target;
      case In::adaptive_runs:
        return adaptive;
      case In::dynamics_runs:
        return dynamics;
      case In::all_runs:
        break;
    }
    return true;
  }
};

struct Column {
  std::string_view name;
  double EpochResult::*member;
  Kind kind;
  In in = In::all_runs;
};

constexpr Column kColumns[] = {
    {"learning_rate", &EpochResult::lr, Kind::exact},
    {"train_loss", &EpochResult::train_loss, Kind::exact},
    {"train_top1", &EpochResult::train_top1, Kind::exact, In::runs_on_images},
    {"test_loss", &EpochResult::test_loss, Kind::test},
    {"test_top1", &EpochResult::test_top1, Kind::test, In::runs_on_images},
    {"test_top5", &EpochResult::test_top5, Kind::test, In::runs_on_images},
    {"rollout_error", &EpochResult::rollout_error, Kind::test, In::dynamics_runs},
    {"images_per_second", &EpochResult::images_per_second, Kind::one_decimal, In::runs_on_images},
    {"pairs_per_second", &EpochResult::images_per_second, Kind::one_decimal, In::dynamics_runs},
    {"seconds", &EpochResult::seconds, Kind::three_decimals},
    {"adapt_loss", &EpochResult::adapt_loss, Kind::exact, In::runs_with_target},
    {"target_loss", &EpochResult::target_loss, Kind::test, In::runs_with_target},
    {"target_top1", &EpochResult::target_top1, Kind::test, In::runs_with_target},
    {"evaluations", &EpochResult::evaluations, Kind::exact, In::adaptive_runs},
    {"backward_evaluations", &EpochResult::backward_evaluations, Kind::exact, In::adaptive_runs},
    {"trials", &EpochResult::trials, Kind::exact, In::adaptive_runs},
    {"rejected", &EpochResult::rejected, Kind::exact, In::adaptive_runs},
};

std::vector<Column> columns(Contents contents) {
  std::vector<Column> columns;
  std::ranges::copy_if(kColumns, std::back_inserter(columns),
                       [&](const Column& column) { return contents.have(column.in); });
  return columns;
}

std::string header(Contents contents) {
  std::string text = "epoch";
  for (const Column& column : columns(contents)) text += fmt::format(",{}", column.name);
  return text;
}

std::string cell(const EpochResult& result, const Column& column) {
  const double value = result.*column.member;
  switch (column.kind) {
    case Kind::test:
      return result.tested ? fmt::format("{}", value) : "";
    case Kind::one_decimal:
      return fmt::format("{:.1f}", value);
    case Kind::three_decimals:
      return fmt::format("{:.3f}", value);
    case Kind::exact:
      break;
  }
  return fmt::format("{}", value);
}

// The text up to the next separator; `text` keeps what comes behind it.
std::string_view take(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

template <typename T>
T number(std::string_view text, std::string_view column) {
  T value{};
  if (!parse_number(text, value)) throw Error("{} is '{}', expected a number", column, text);
  return value;
}

EpochResult parse_row(std::string_view row, Contents contents) {
  const std::vector<Column> expected = columns(contents);
  if (std::count(row.begin(), row.end(), ',') != std::ssize(expected))
    throw Error("'{}', expected {} values", row, expected.size() + 1);
  EpochResult result{.epoch = number<int64_t>(take(row, ','), "epoch"),
                     .has_target = contents.target,
                     .adaptive = contents.adaptive,
                     .dynamics = contents.dynamics};
  for (const Column& column : expected) {
    const std::string_view text = take(row, ',');
    if (column.kind == Kind::test && text.empty())
      result.tested = false;
    else
      result.*column.member = number<double>(text, column.name);
  }
  return result;
}

// The higher the better.
double merit(const EpochResult& result) {
  const double merit = result.dynamics ? -result.rollout_error : result.test_top1;
  return std::isfinite(merit) && std::isfinite(result.test_loss) ? merit : -std::numeric_limits<double>::infinity();
}

}  // namespace

bool better(const EpochResult& a, const EpochResult& b) { return merit(a) > merit(b); }

void write_metrics(const std::filesystem::path& path, std::span<const EpochResult> results) {
  const Contents contents{.target = std::ranges::any_of(results, &EpochResult::has_target),
                          .adaptive = std::ranges::any_of(results, &EpochResult::adaptive),
                          .dynamics = std::ranges::any_of(results, &EpochResult::dynamics)};
  std::string text = header(contents) + "\n";
  for (const EpochResult& result : results) {
    text += fmt::format("{}", result.epoch);
    for (const Column& column : columns(contents)) text += fmt::format(",{}", cell(result, column));
    text += "\n";
  }
  write_file(path, text);
}

std::vector<EpochResult> read_metrics(const std::filesystem::path& path) {
  const std::string content = read_text_file(path);
  std::string_view text = content;
  const std::string_view first = take(text, '\n');
  constexpr Contents kAll[] = {{},
                               {.target = true},
                               {.adaptive = true},
                               {.target = true, .adaptive = true},
                               {.dynamics = true},
                               {.adaptive = true, .dynamics = true}};
  const auto* contents = std::ranges::find(kAll, first, header);
  if (contents == std::end(kAll))
    throw Error("{}:1: '{}', expected '{}'; was it written by this version?", path.string(), first, header({}));
  std::vector<EpochResult> results;
  while (!text.empty()) {
    const size_t line = results.size() + 2;
    try {
      EpochResult result = parse_row(take(text, '\n'), *contents);
      if (result.epoch != std::ssize(results) + 1)
        throw Error("epoch is {}, expected {}", result.epoch, results.size() + 1);
      const EpochResult* best = best_result(results);
      result.best = result.tested && (best == nullptr || better(result, *best));
      results.push_back(result);
    } catch (const Error& e) {
      throw Error("{}:{}: {}", path.string(), line, e.what());
    }
  }
  return results;
}

const EpochResult* best_result(std::span<const EpochResult> results) {
  const EpochResult* best = nullptr;
  for (const EpochResult& result : results)
    if (result.tested && (best == nullptr || better(result, *best))) best = &result;
  return best;
}

double median_speed(std::span<const EpochResult> results) {
  std::vector<double> speeds;
  for (const EpochResult& result : results) speeds.push_back(result.images_per_second);
  return speeds.empty() ? 0 : median(std::move(speeds));
}

}  // namespace odenet::train
