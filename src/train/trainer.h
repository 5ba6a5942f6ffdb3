// Training: SGD over a data set, one checkpoint and one row of metrics an epoch.
//
//   RunFolder run("runs/a");
//   train(config, run, observer);
//
// Gradients are those of the discrete network (backpropagation through every Euler step). Same binary, machine, threads
// and config give the same bytes.
#pragma once

#include "train/config.h"
#include "train/run_folder.h"

namespace odenet::train {

struct Progress {
  int64_t epoch = 0, epochs = 0;  // 1-based
  int64_t step = 0, steps = 0;    // within the epoch
  double loss = 0, top1 = 0;      // mean over the epoch so far; top1 in percent
  double images_per_second = 0, seconds_left = 0;
};

struct Plan {
  std::string model;
  int64_t parameters = 0, macs = 0;
  int64_t train_images = 0, test_images = 0;
  int64_t steps = 0;  // of the whole training
  int threads = 0;
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_start(const Plan&) {}  // data loaded, run folder created
  virtual void on_step(const Progress&) {}
  virtual void on_epoch(const EpochResult&) {}
};

struct TrainResult {
  double best_top1 = 0, last_top1 = 0;  // percent of the test split
  double images_per_second = 0;         // median of the epochs
};

// Errors: data set missing or damaged, folder not writable, loss not finite (training diverged). Checkpoints of earlier
// epochs stay.
TrainResult train(const TrainConfig& config, RunFolder& run, Observer& observer);

}  // namespace odenet::train
