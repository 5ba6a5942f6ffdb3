// metrics.csv: one row per epoch of a run. Numbers are written so that reading gives back the same bits; cells of
// epochs that were not tested are empty. Runs with a target have three more columns, runs with adaptive steps four;
// those of dynamic systems have the rollout error in place of accuracies.
//
//   write_metrics(run / "metrics.csv", results);
//   std::vector<EpochResult> results = read_metrics(run / "metrics.csv");
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace odenet::train {

struct EpochResult {
  int64_t epoch = 0;  // 1-based
  double lr = 0;      // of its last step
  double train_loss = 0, train_top1 = 0;
  bool tested = true;                                  // else the next three have no meaning
  double test_loss = 0, test_top1 = 0, test_top5 = 0;  // accuracies in percent
  double images_per_second = 0;                        // training only; kept to one decimal
  double seconds = 0;                                  // training and test of this epoch; kept to three decimals
  bool best = false;                                   // so far, as best_result() says; not in the file, as it follows

  bool has_target = false;                  // else the next three have no meaning
  double adapt_loss = 0;                    // of the training, without its weight
  double target_loss = 0, target_top1 = 0;  // of the target's test split; only if tested

  bool adaptive = false;  // else the next four have no meaning: of a step of the training, in all ODEBlocks
  double evaluations = 0, backward_evaluations = 0;  // of f
  double trials = 0, rejected = 0;                   // of integration steps, forward

  bool dynamics = false;     // of a dynamic system: accuracies have no meaning; else the next has none
  double rollout_error = 0;  // see train/dynamics_training.h; only if tested

  bool operator==(const EpochResult&) const = default;
};

void write_metrics(const std::filesystem::path& path, std::span<const EpochResult> results);

// Errors name file, line and what was expected.
std::vector<EpochResult> read_metrics(const std::filesystem::path& path);

// Whether that tested result has a higher test_top1, of a dynamic system a lower rollout_error. One whose test gave no
// finite numbers is never better.
bool better(const EpochResult& a, const EpochResult& b);

// The first of the best; nullptr if none is tested.
const EpochResult* best_result(std::span<const EpochResult> results);

// Median of images_per_second; 0 if there are no results.
double median_speed(std::span<const EpochResult> results);

}  // namespace odenet::train
