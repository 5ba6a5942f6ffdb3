#include "train/run_folder.h"

#include "core/error.h"
#include "core/file.h"

namespace odenet::train {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  std::error_code code;
  if (fs::exists(path_, code) && !(fs::is_directory(path_, code) && fs::is_empty(path_, code)))
    throw Error("run folder {} exists already; choose another --out, or remove it first", path_.string());
  metrics_ = "epoch,learning_rate,train_loss,train_top1,test_loss,test_top1,test_top5,images_per_second,seconds\n";
}

void RunFolder::create(const TrainConfig& config) const {
  create_folder(path_);
  write_file(path_ / "config.toml", to_toml(config));
}

void RunFolder::add_epoch(const EpochResult& r) {
  metrics_ += fmt::format("{},{:.6g},{:.6f},{:.4f},{:.6f},{:.4f},{:.4f},{:.1f},{:.1f}\n", r.epoch, r.lr, r.train_loss,
                          r.train_top1, r.test_loss, r.test_top1, r.test_top5, r.images_per_second, r.seconds);
  write_file(path_ / "metrics.csv", metrics_);
}

fs::path find_checkpoint(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code)) return path;
  for (const char* name : {"best.safetensors", "last.safetensors"})
    if (fs::exists(path / name, code)) return path / name;
  throw Error("{} holds no best.safetensors or last.safetensors; is it a run folder of odenet train?", path.string());
}

}  // namespace odenet::train
