#include "train/training_loop.h"

#include "core/duration.h"
#include "train/dynamics_training.h"
#include "train/schedule.h"

namespace odenet::train {

using Clock = std::chrono::steady_clock;

TrainingLoop::TrainingLoop(TrainConfig config, RunFolder* run, Observer& observer)
    : config_(std::move(config)), run_(run), observer_(observer) {}

TrainResult TrainingLoop::run() {
  if (run_ && run_->opened())
    resume();
  else if (run_)
    run_->create(config_);
  begin();
  announce();
  saved_ = Clock::now();
  bool stopped = false;
  if (config_.epochs == 0 && run_) save(run_->last(), {.tested = false});
  while (position_.epoch < config_.epochs && !stopped) stopped = !train_epoch();
  return result(stopped);
}

void TrainingLoop::resume() {
  std::error_code code;
  if (std::filesystem::exists(run_->state(), code)) position_ = load_state(run_->state(), config_, sgd());
  run_->truncate(position_.epoch);
}

void TrainingLoop::announce() {
  Plan whole = plan();
  whole.steps = config_.epochs * steps();
  whole.first_step = position_.epoch * steps() + position_.step;
  observer_.on_start(whole);
}

// False if the observer stopped the training; asked in the last step of an epoch, it is stopped after that.
bool TrainingLoop::train_epoch() {
  const auto start = Clock::now();
  const double before = position_.sums.seconds;
  double rate = 0;
  bool stop = false;
  begin_epoch();
  while (position_.step < steps()) {
    rate = learning_rate(config_, position_.epoch * steps() + position_.step, steps());
    step(rate);
    ++position_.step;
    if (!due()) continue;
    stop = add_up(rate);
    position_.sums.seconds = before + seconds_since(start);
    report();
    if (position_.step == steps()) break;
    if (stop || seconds_since(saved_) > 60 * config_.checkpoint_minutes) save_position();
    if (stop) return false;
  }
  finish_epoch(rate);
  return !stop || position_.epoch == config_.epochs;
}

bool TrainingLoop::due() const { return true; }

void TrainingLoop::add_work(const ode::Work& work) {
  if (!adaptive()) return;
  EpochSums& sums = position_.sums;
  sums.evaluations += static_cast<double>(work.forward.evaluations);
  sums.backward_evaluations += static_cast<double>(work.backward.evaluations);
  sums.trials += static_cast<double>(work.forward.trials);
  sums.rejected += static_cast<double>(work.forward.rejected);
}

double TrainingLoop::mean_loss() const { return position_.sums.loss / static_cast<double>(position_.sums.images); }

double TrainingLoop::top1() const {
  return 100.0 * static_cast<double>(position_.sums.correct) / static_cast<double>(position_.sums.images);
}

double TrainingLoop::images_per_second() const {
  return static_cast<double>(position_.sums.images) / position_.sums.seconds;
}

// Epochs to come, this one too, that end with a test.
int64_t TrainingLoop::tests_left() const {
  const int64_t every = config_.test_every, last = config_.epochs % every == 0 ? 0 : 1;
  return config_.epochs / every - position_.epoch / every + last;
}

void TrainingLoop::report() {
  const auto images_left = static_cast<double>((config_.epochs - position_.epoch) * images() - position_.sums.images);
  observer_.on_step(
      {.epoch = position_.epoch + 1,
       .epochs = config_.epochs,
       .step = position_.step,
       .steps = steps(),
       .loss = mean_loss(),
       .top1 = top1(),
       .dynamics = trains_dynamics(config_),
       .images_per_second = images_per_second(),
       .seconds_left = images_left / images_per_second() + static_cast<double>(tests_left()) * test_seconds_,
       .evaluations = a_step(position_.sums.evaluations),
       .trials = a_step(position_.sums.trials),
       .rejected = a_step(position_.sums.rejected)});
}

EpochResult TrainingLoop::row_of_epoch(double rate) const {
  const int64_t epoch = position_.epoch + 1;
  return {.epoch = epoch,
          .lr = rate,
          .train_loss = mean_loss(),
          .train_top1 = top1(),
          .tested = epoch % config_.test_every == 0 || epoch == config_.epochs,
          .images_per_second = images_per_second(),
          .has_target = !config_.target.empty(),
          .adapt_loss = position_.sums.adapt_loss / static_cast<double>(position_.sums.images),
          .adaptive = adaptive(),
          .evaluations = a_step(position_.sums.evaluations),
          .backward_evaluations = a_step(position_.sums.backward_evaluations),
          .trials = a_step(position_.sums.trials),
          .rejected = a_step(position_.sums.rejected),
          .dynamics = trains_dynamics(config_)};
}

// Tests, and writes the files in the order that train/run_folder.h asks for.
void TrainingLoop::finish_epoch(double rate) {
  const auto start = Clock::now();
  const double training_seconds = position_.sums.seconds;
  EpochResult row = row_of_epoch(rate);
  position_ = {.epoch = row.epoch};
  if (!run_) return;
  {
    const AverageInUse average(sgd());
    if (row.tested) test(row);
    const EpochResult* best = best_result(run_->results());
    row.best = row.tested && (!best || better(row, *best));
    save(run_->last(), row);
    if (row.best) save(run_->best(), row);
    if (row.has_target) finish_target(row);
  }
  const double seconds = seconds_since(start);
  if (row.tested) test_seconds_ = seconds;
  row.seconds = training_seconds + seconds;
  run_->add_epoch(row);
  save_position();
  observer_.on_epoch(row);
}

void TrainingLoop::save_position() {
  if (run_) save_state(run_->state(), config_, position_, sgd());
  saved_ = Clock::now();
}

TrainResult TrainingLoop::result(bool stopped) const {
  TrainResult result{.stopped = stopped};
  if (!run_) return result;
  const std::vector<EpochResult>& rows = run_->results();
  if (const EpochResult* best = best_result(rows)) {
    result.best_top1 = best->test_top1;
    result.best_rollout_error = best->rollout_error;
  }
  for (const EpochResult& row : rows)
    if (row.tested) {
      result.last_top1 = row.test_top1;
      result.target_top1 = row.target_top1;
      result.last_rollout_error = row.rollout_error;
    }
  result.images_per_second = median_speed(rows);
  return result;
}

}  // namespace odenet::train
