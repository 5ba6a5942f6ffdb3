// Training of one network: SGD over a data set, one checkpoint and one row of metrics an epoch.
//
//   RunFolder run("runs/a");
//   train(config, run, observer);
//
//   RunFolder run = RunFolder::open("runs/a");   // cut off, or stopped: goes on where the last state was written
//   train(run.config(), run, observer);
//
// Gradients are those of the discrete network (backpropagation through every Euler step). On a CPU the same binary,
// machine, threads and config give the same bytes, however often the training was cut off and continued.
#pragma once

#include "train/config.h"
#include "train/run_folder.h"
#include "train/worker_environment.h"
#include "train/workers.h"

namespace odenet::train {

struct Progress {
  int64_t epoch = 0, epochs = 0;  // 1-based
  int64_t step = 0, steps = 0;    // within the epoch
  double loss = 0, top1 = 0;      // mean over the epoch so far; top1 in percent
  bool dynamics = false;          // of a dynamic system: no top1, and pairs of samples for images
  double images_per_second = 0;
  double seconds_left = 0;  // of the whole training; tests like the last one, none before the first
  double evaluations = 0, trials = 0, rejected = 0;  // of a step of the epoch so far, where integration is adaptive
};

struct Plan {
  std::string model = {};
  std::string system = {};  // dynamic: images are pairs of samples then, and trajectories in the test; else empty
  int64_t parameters = 0, macs = 0;
  int64_t train_images = 0, test_images = 0;
  int64_t target_train_images = 0, target_test_images = 0;  // 0: trained without, no target
  int64_t steps = 0;                                        // of the whole training
  int64_t first_step = 0;                                   // more than 0 if it goes on
  int threads = 0;
  int workers = 1;
  std::string device = {}, precision = {};  // "bfloat16: this CPU has AVX512-BF16"
  std::string warning = {};                 // empty, or why the choice of precision is a bad one
};

// Of a training in several (train/staged_training.h).
struct StageStart {
  size_t index = 0, count = 0;  // 0-based
  std::string model, skips;     // skips: a letter each, see spec/skip_removal.h
  int skips_left = 0;
  int64_t epochs = 0;
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_stage(const StageStart&) {}  // run folder created
  virtual void on_start(const Plan&) {}        // data loaded, run folder created
  virtual void on_step(const Progress&) {}
  virtual void on_epoch(const EpochResult&) {}
  // Asked after every step; true saves the state and ends the training, in the last step of an epoch after its test.
  virtual bool should_stop() { return false; }
};

struct TrainResult {
  double best_top1 = 0, last_top1 = 0;                    // percent of the test split
  double target_top1 = 0;                                 // percent of the target's, last
  double best_rollout_error = 0, last_rollout_error = 0;  // of a dynamic system instead
  double images_per_second = 0;                           // median of the epochs
  bool stopped = false;                                   // by the observer, before the end
};

// `run` is new, or opened to go on. Errors: settings of a training in stages, data set or teacher missing or damaged,
// folder not writable, loss not finite (training diverged), another worker lost. Checkpoints of earlier epochs stay.
TrainResult train(const TrainConfig& config, RunFolder& run, Observer& observer);

// The part of one of several workers (train/workers.h): worker 0 has the run folder, the others give null.
TrainResult train(const TrainConfig& config, RunFolder* run, Observer& observer, const WorkerEnvironment& environment);

// With workers that go on to another training.
TrainResult train(const TrainConfig& config, RunFolder* run, Observer& observer, const WorkerEnvironment& environment,
                  Workers& workers);

// What `auto` stands for on this machine: device and precision.
TrainConfig resolve_machine(TrainConfig config, const WorkerEnvironment& environment);

}  // namespace odenet::train
