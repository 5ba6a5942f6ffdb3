// A training run on disk: config.toml (resolved, runnable again), metrics.csv, last.safetensors, best.safetensors,
// log.txt (written by the program).
//
//   RunFolder run("runs/a");            // must not exist, or be empty; nothing is written yet
//   run.create(config);                 // the folder and config.toml
//   run.add_epoch(result);              // rewrites metrics.csv atomically
#pragma once

#include <filesystem>
#include <string>

#include "train/config.h"

namespace odenet::train {

struct EpochResult {
  int64_t epoch = 0;  // 1-based
  double lr = 0;      // of its last step
  double train_loss = 0, train_top1 = 0;
  double test_loss = 0, test_top1 = 0, test_top5 = 0;
  double images_per_second = 0;  // training only
  double seconds = 0;            // training and test of this epoch
  bool best = false;             // highest test_top1 so far
};

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last() const { return path_ / "last.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }

  void create(const TrainConfig& config) const;
  void add_epoch(const EpochResult& result);

 private:
  std::filesystem::path path_;
  std::string metrics_;
};

// `path` itself, or best.safetensors (else last.safetensors) of the run folder `path`.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

}  // namespace odenet::train
