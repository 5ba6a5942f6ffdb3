// A training run on disk: config.toml (resolved, runnable again), metrics.csv, last.safetensors, best.safetensors,
// target.safetensors (with a target: the last network with the norm statistics that it has for the target),
// resume.safetensors (what a continued training needs), log.txt (written by the program).
//
//   RunFolder run("runs/a");                       // must not exist, or be empty; nothing is written yet
//   run.create(config);                            // the folder and config.toml
//   run.add_epoch(result);                         // rewrites metrics.csv atomically
//
//   RunFolder run = RunFolder::open("runs/a");     // to go on: run.config() and run.results() are what it has
//   run.truncate(epochs);                          // those that the state in run.state() has completed
//
// Every file is replaced atomically, but they are several. So that a training that dies at any moment can go on, write
// best, last and target, then add_epoch(), then the state: the rows are never behind the state. The folder is locked as
// long as the object lives, from create() or open() on.
#pragma once

#include <filesystem>
#include <vector>

#include "core/folder_lock.h"
#include "train/config.h"
#include "train/metrics_file.h"

namespace odenet::train {

class RunFolder {
 public:
  // A new run. Error if the folder has anything in it.
  explicit RunFolder(std::filesystem::path path);

  // A run that is there already; removes what a killed process left of its writes. Error if it is no run, is damaged,
  // or is in use by another process.
  static RunFolder open(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last() const { return path_ / "last.safetensors"; }
  std::filesystem::path target() const { return path_ / "target.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  std::filesystem::path state() const { return path_ / "resume.safetensors"; }
  std::filesystem::path teacher() const { return teacher_in(path_); }  // a copy, where there is a teacher
  static std::filesystem::path teacher_in(const std::filesystem::path& run) { return run / "teacher.safetensors"; }

  bool opened() const { return opened_; }                               // by open(); there is nothing to create then
  const TrainConfig& config() const { return config_; }                 // of create() or open()
  const std::vector<EpochResult>& results() const { return results_; }  // rows of metrics.csv

  void create(const TrainConfig& config);
  void add_epoch(const EpochResult& result);

  // All rows at once.
  void replace_epochs(std::vector<EpochResult> results);

  // Keeps the rows of the first `epochs` epochs. Error if there are fewer.
  void truncate(int64_t epochs);

 private:
  RunFolder() = default;

  std::filesystem::path path_;
  bool opened_ = false;
  FolderLock lock_;
  TrainConfig config_;
  std::vector<EpochResult> results_;
};

// What a run folder holds, for reading only: the run may be in progress.
struct RunRecord {
  TrainConfig config;
  std::vector<EpochResult> results;
};
RunRecord read_run(const std::filesystem::path& path);

// `path` itself, or best.safetensors (else last.safetensors) of the run folder `path`.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

}  // namespace odenet::train
