// Runs side by side, as `odenet compare` shows them.
//
//   std::vector<RunSummary> runs{summarize("runs/a"), summarize("runs/b")};
//   fmt::print("{}", comparison_text(runs));        // or comparison_json(runs).dump()
//
// Runs in progress count with the epochs that they have completed.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/run_folder.h"

namespace odenet::train {

struct RunSummary {
  std::string name;  // as given
  RunRecord record;
  int64_t parameters = 0, macs = 0;       // of the network; multiply-adds of one image
  double images_per_second = 0;           // in training: median of the epochs
  double seconds = 0;                     // all epochs, tests included
  std::optional<EpochResult> best, last;  // of the tested epochs
};

// Errors: no run folder, or a damaged one.
RunSummary summarize(const std::filesystem::path& run);

// The settings in which the runs differ, model, data set and target aside.
std::vector<const Field*> differing_fields(std::span<const RunSummary> runs);

std::string comparison_text(std::span<const RunSummary> runs);

// {"runs": [{"run", "epochs", "parameters", "macs", "best_top1", "best_epoch", "last_top1", "last_top5", "last_loss",
// "best_rollout_error", "last_rollout_error", "last_target_top1", "best_target_top1", "images_per_second", "seconds",
// "config": {...}}], "differing": ["lr", ...]}; accuracies in percent, null where there is none. best_target_top1 is
// that of the epoch that is best on the source.
nlohmann::json comparison_json(std::span<const RunSummary> runs);

}  // namespace odenet::train
