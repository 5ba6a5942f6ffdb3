// What every training does, whatever it learns: epochs of steps; after each epoch a test, checkpoints and a row of
// metrics; progress; and a state to go on from. A trainer derives from it and says what a step, a test and a checkpoint
// are. Private to this folder.
#pragma once

#include <chrono>
#include <filesystem>

#include "ode/gradient.h"
#include "train/flat_sgd.h"
#include "train/trainer.h"
#include "train/training_state.h"

namespace odenet::train {

class TrainingLoop {
 public:
  virtual ~TrainingLoop() = default;
  TrainingLoop(const TrainingLoop&) = delete;
  TrainingLoop& operator=(const TrainingLoop&) = delete;

  TrainResult run();

 protected:
  // run: null for workers but the first.
  TrainingLoop(TrainConfig config, RunFolder* run, Observer& observer);

  virtual Plan plan() const = 0;       // but for its steps
  virtual int64_t steps() const = 0;   // of one epoch
  virtual int64_t images() const = 0;  // of one epoch
  virtual bool adaptive() const = 0;   // in the steps of integration
  virtual FlatSgd& sgd() = 0;
  virtual void begin() {}                // the run folder is there, the state restored
  virtual void begin_epoch() = 0;        // at position_.step
  virtual void step(double rate) = 0;    // one step of SGD
  virtual bool due() const;              // whether the results of the steps so far are waited for now: always
  virtual bool add_up(double rate) = 0;  // adds what the steps since the last call gave to position_.sums; true: stop
  virtual void test(EpochResult& row) = 0;
  virtual void save(const std::filesystem::path& path, const EpochResult& row) const = 0;
  virtual void finish_target(EpochResult&) {}  // with a target: its test and checkpoint

  void add_work(const ode::Work& work);  // to the sums, where integration is adaptive

  const TrainConfig config_;
  RunFolder* const run_;
  Observer& observer_;
  Position position_;

 private:
  void resume();
  void announce();
  bool train_epoch();
  void report();
  EpochResult row_of_epoch(double rate) const;
  void finish_epoch(double rate);
  void save_position();
  TrainResult result(bool stopped) const;

  double mean_loss() const;
  double top1() const;
  double a_step(double sum) const { return sum / static_cast<double>(position_.step); }
  double images_per_second() const;
  int64_t tests_left() const;

  std::chrono::steady_clock::time_point saved_;
  double test_seconds_ = 0;  // the last test and its checkpoints
};

}  // namespace odenet::train
