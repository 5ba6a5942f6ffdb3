#include "train/run_folder.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"

namespace odenet::train {

namespace fs = std::filesystem;

namespace {

constexpr const char* kConfig = "config.toml";
constexpr const char* kMetrics = "metrics.csv";

// Nothing is there, or only what a process that died in create() left.
bool is_unused(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return true;
  if (!fs::is_directory(path, code)) return false;
  const auto remains = leftovers(path);
  return std::all_of(fs::directory_iterator(path), fs::directory_iterator(), [&](const fs::directory_entry& entry) {
    return entry.path().filename() == FolderLock::kName || std::ranges::count(remains, entry.path()) > 0;
  });
}

Error exists_already(const fs::path& path) {
  return Error("run folder {} exists already; choose another --out, or remove it first", path.string());
}

void require_run(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path / kConfig, code))
    throw Error("{} is no run folder of odenet train: it has no {}", path.string(), kConfig);
}

}  // namespace

RunRecord read_run(const fs::path& path) {
  require_run(path);
  RunRecord run;
  std::error_code code;
  load_config(run.config, path / kConfig);
  if (fs::exists(path / kMetrics, code)) run.results = read_metrics(path / kMetrics);
  return run;
}

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  if (!is_unused(path_)) throw exists_already(path_);
}

RunFolder RunFolder::open(fs::path path) {
  require_run(path);  // before the lock puts its file there
  RunFolder run;
  run.lock_ = FolderLock(path);
  RunRecord record = read_run(path);
  remove_leftovers(path);
  run.path_ = std::move(path);
  run.opened_ = true;
  run.config_ = std::move(record.config);
  run.results_ = std::move(record.results);
  return run;
}

void RunFolder::create(const TrainConfig& config) {
  create_folder(path_);
  lock_ = FolderLock(path_);
  if (!is_unused(path_)) throw exists_already(path_);
  remove_leftovers(path_);
  write_file(path_ / kConfig, to_toml(config));
  config_ = config;
}

void RunFolder::add_epoch(const EpochResult& result) {
  auto results = results_;
  results.push_back(result);
  replace_epochs(std::move(results));
}

void RunFolder::replace_epochs(std::vector<EpochResult> results) {
  write_metrics(path_ / kMetrics, results);
  results_ = std::move(results);
}

void RunFolder::truncate(int64_t epochs) {
  const auto count = static_cast<size_t>(epochs);
  if (results_.size() < count)
    throw Error("{} has {} rows, but {} is {} epochs on; are they of one run?", (path_ / kMetrics).string(),
                results_.size(), state().string(), epochs);
  if (results_.size() == count) return;
  auto results = results_;
  results.resize(count);
  replace_epochs(std::move(results));
}

fs::path find_checkpoint(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code)) return path;
  for (const char* name : {"best.safetensors", "last.safetensors"})
    if (fs::exists(path / name, code)) return path / name;
  if (fs::exists(path / "config.toml", code))
    throw Error("{}: no epoch of its model is complete yet; go on with: odenet train --resume {}", path.string(),
                path.string());
  throw Error("{} holds no best.safetensors or last.safetensors; is it a run folder of odenet train?", path.string());
}

}  // namespace odenet::train
