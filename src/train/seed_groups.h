// Runs that differ in nothing but the seed, together: `odenet compare --over-seeds`.
//
//   const SeedGroups groups = group_seeds(runs);
//   fmt::print("{}", groups_text(groups));          // or groups_json(groups).dump()
//
// Settings that do not decide what is trained (data_dir, test_every, checkpoint_minutes, threads) may differ, too.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "train/run_comparison.h"

namespace odenet::train {

struct Spread {
  int64_t count = 0;
  double mean = 0;
  double deviation = 0;  // of the population that the values are a sample of (n - 1); 0 for one value
};

// `values` must not be empty.
Spread spread(std::span<const double> values);

struct SeedGroups {
  std::vector<std::vector<RunSummary>> groups;  // in the order of their first runs; none is empty
  std::vector<const Field*> differing;          // between groups, model, data set and target aside
  std::vector<RunSummary> unfinished;           // in no group
};

// Error if two finished runs have the same seed and settings: they would count twice.
SeedGroups group_seeds(std::span<const RunSummary> runs);

// A line per group: its settings, runs, and mean and deviation of what they reached in the last epoch.
std::string groups_text(const SeedGroups& groups);

// {"groups": [{"runs": ["runs/a-1", ...], "seeds": [1, ...], "model", "dataset", "target", <differing settings>,
// "last_top1": {"mean", "deviation"}, ...}], "unfinished": ["runs/c"]}, with the results' names of comparison_json; a
// result that not every run of the group has is missing.
nlohmann::json groups_json(const SeedGroups& groups);

}  // namespace odenet::train
