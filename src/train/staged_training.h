// Training in stages: one network after the other, each with the weights of the one before, as train/stages.h plans it.
// Without stages it is train().
//
//   RunFolder run("runs/a");
//   StagedResult result = train_in_stages(config, &run, run.path(), observer, {});
//   fmt::print("{}", stages_text(result.stages));
//
//   RunFolder run = RunFolder::open("runs/a");      // goes on, between stages or within one
//   train_in_stages(run.config(), &run, run.path(), observer, {});
//
// The folder: stages/1-short-resnet-20 and so on are runs of their own, with checkpoints, metrics and settings, to
// evaluate and compare like any other. The run's own files follow from them: metrics.csv has the epochs of all,
// last.safetensors, best.safetensors and target.safetensors are those of the last stage, whose network is the model,
// and stages.csv is the table of the stages. The next stage gets last.safetensors of the one before. The teacher of a
// distillation is that of the config for all stages; without one, the network of the first stage.
//
// However often it was cut off and continued, it ends with the same bytes.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "train/stages.h"
#include "train/trainer.h"

namespace odenet::train {

// A row of stages.csv.
struct StageSummary {
  std::string folder;        // "stages/1-short-resnet-20"
  std::string model, skips;  // skips: a letter each block
  int skips_left = 0;        // full or short
  int64_t parameters = 0;
  int64_t epochs = 0;  // of which it has completed
  int64_t completed = 0;
  bool tested = false;                  // any of them; else the next two have no meaning
  double best_top1 = 0, last_top1 = 0;  // percent of the test split
  double seconds = 0;
};

struct StagedResult : TrainResult {  // of the model
  std::vector<StageSummary> stages;  // that have begun
};

// `run` is null for workers but the first; they find the files in `folder`, which all have to see. Errors as in
// train(); the teacher is missing, of other classes or another data set, or not the model with more skips.
StagedResult train_in_stages(const TrainConfig& config, RunFolder* run, const std::filesystem::path& folder,
                             Observer& observer, const WorkerEnvironment& environment);

// The plan of a new training; loads the teacher, if any. Errors as above.
TrainConfig resolve_with_teacher(const TrainConfig& config);
std::vector<TrainingStage> plan_with_teacher(const TrainConfig& resolved);

std::string stages_text(std::span<const StageSummary> stages);

}  // namespace odenet::train
