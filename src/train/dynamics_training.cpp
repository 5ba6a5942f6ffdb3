#include "train/dynamics_training.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "core/duration.h"
#include "core/error.h"
#include "dynamics/model.h"
#include "nn/float_backend.h"
#include "train/divergence.h"
#include "train/flat_sgd.h"
#include "train/schedule.h"
#include "train/training_state.h"

namespace odenet::train {

namespace {

using torch::Tensor;
using Clock = std::chrono::steady_clock;

Tensor load_trajectories(const TrainConfig& config, const char* split, int64_t all, int64_t limit) {
  return dynamics::trajectories(dynamics::find_system(config.dataset), split, limit > 0 ? std::min(limit, all) : all);
}

constexpr std::string_view kRemedy = "lower lr";  // of divergence

dynamics::ModelSpec model_spec(const TrainConfig& config) {
  return {
      .system = config.dataset,
      .width = dynamics::parse_width(config.model),
      .stage = dynamics::field_stage(config.solver, fixed_steps(config, dynamics::find_system(config.dataset).interval),
                                     adaptive_steps(config))};
}

class DynamicsTrainer {
 public:
  DynamicsTrainer(const TrainConfig& config, RunFolder& run, Observer& observer)
      : config_(config),
        run_(run),
        observer_(observer),
        train_set_(load_trajectories(config, "train", dynamics::kTrainTrajectories, config.train_limit)),
        test_set_(load_trajectories(config, "test", dynamics::kTestTrajectories, config.test_limit)),
        model_(make_model()),
        sgd_(*model_, {.momentum = config.momentum,
                       .nesterov = config.nesterov,
                       .weight_decay = config.weight_decay,
                       .decay_all = config.decay_all,
                       .ema = config.ema}) {
    const Tensor samples = model_->normalised(train_set_);
    const int64_t intervals = samples.size(1) - 1;
    inputs_ = samples.slice(1, 0, intervals).flatten(0, 1).contiguous();
    targets_ = samples.slice(1, 1).flatten(0, 1).contiguous();
    pairs_ = inputs_.size(0);
    steps_ = (pairs_ + config_.batch - 1) / config_.batch;
  }

  TrainResult run() {
    if (run_.opened())
      resume();
    else
      run_.create(config_);
    observer_.on_start({.model = model_->spec().name(),
                        .system = config_.dataset,
                        .parameters = dynamics_parameters(config_),
                        .macs = dynamics_macs(config_),
                        .train_images = pairs_,
                        .test_images = test_set_.size(0),
                        .steps = config_.epochs * steps_,
                        .first_step = position_.epoch * steps_ + position_.step,
                        .threads = torch::get_num_threads(),
                        .device = "cpu",
                        .precision = "float32"});
    saved_ = Clock::now();
    TrainResult result;
    if (config_.epochs == 0) save(run_.last(), 0, {});
    while (position_.epoch < config_.epochs && !result.stopped) result.stopped = !train_epoch();
    if (const EpochResult* best = best_result(run_.results())) result.best_rollout_error = best->rollout_error;
    for (const EpochResult& row : run_.results())
      if (row.tested) result.last_rollout_error = row.rollout_error;
    result.images_per_second = median_speed(run_.results());
    return result;
  }

 private:
  dynamics::Model make_model() const {
    torch::manual_seed(static_cast<uint64_t>(config_.seed));
    dynamics::Model model(model_spec(config_), dynamics::scale_of(train_set_));
    model->set_gradient(ode::find_gradient(config_.gradient).gradient);
    return model;
  }

  void resume() {
    std::error_code code;
    if (std::filesystem::exists(run_.state(), code)) position_ = load_state(run_.state(), config_, sgd_);
    run_.truncate(position_.epoch);
  }

  // The order of the pairs in an epoch, whatever came before.
  Tensor order() const {
    at::Generator generator = at::detail::createCPUGenerator();
    generator.set_current_seed(static_cast<uint64_t>(config_.seed) * 0x9e3779b97f4a7c15 +
                               static_cast<uint64_t>(position_.epoch));
    return torch::randperm(pairs_, generator, torch::kInt64);
  }

  // False if the observer stopped the training; asked in the last step of an epoch, it is stopped after that.
  bool train_epoch() {
    const auto start = Clock::now();
    EpochSums& sums = position_.sums;
    const double before = sums.seconds;
    const Tensor pairs = order();
    double rate = 0;
    bool stop = false;
    while (position_.step < steps_) {
      rate = learning_rate(config_, position_.epoch * steps_ + position_.step, steps_);
      step(pairs.slice(0, position_.step * config_.batch, (position_.step + 1) * config_.batch), rate);
      ++position_.step;
      sums.seconds = before + seconds_since(start);
      report();
      stop = observer_.should_stop();
      if (position_.step == steps_) break;
      if (stop || seconds_since(saved_) > 60 * config_.checkpoint_minutes) save_position();
      if (stop) return false;
    }
    finish_epoch(rate);
    return !stop || position_.epoch == config_.epochs;
  }

  void step(const Tensor& pairs, double rate) {
    const Tensor predicted = model_->predict(inputs_.index_select(0, pairs), 1).select(1, 0);
    const Tensor loss = loss_of(predicted, targets_.index_select(0, pairs));
    const double value = loss.item<double>();
    require_finite("loss", value, position_.epoch + 1, rate, kRemedy);
    loss.backward();
    sgd_.step(rate);
    EpochSums& sums = position_.sums;
    sums.loss += value * static_cast<double>(pairs.size(0));
    sums.images += pairs.size(0);
    const ode::Work work = model_->take_work();
    sums.evaluations += static_cast<double>(work.forward.evaluations);
    sums.backward_evaluations += static_cast<double>(work.backward.evaluations);
    sums.trials += static_cast<double>(work.forward.trials);
    sums.rejected += static_cast<double>(work.forward.rejected);
  }

  Tensor loss_of(const Tensor& predicted, const Tensor& samples) const {
    return (predicted - samples).square().mean() / std::pow(dynamics::find_system(config_.dataset).interval, 2);
  }

  double mean_loss() const { return position_.sums.loss / static_cast<double>(position_.sums.images); }
  double a_step(double sum) const { return adaptive() ? sum / static_cast<double>(position_.step) : 0; }
  double speed() const { return static_cast<double>(position_.sums.images) / position_.sums.seconds; }
  bool adaptive() const { return model_->spec().stage.adaptive(); }

  void report() {
    const double left = static_cast<double>((config_.epochs - position_.epoch) * pairs_ - position_.sums.images);
    observer_.on_step({.epoch = position_.epoch + 1,
                       .epochs = config_.epochs,
                       .step = position_.step,
                       .steps = steps_,
                       .loss = mean_loss(),
                       .dynamics = true,
                       .images_per_second = speed(),
                       .seconds_left = left / speed(),
                       .evaluations = a_step(position_.sums.evaluations),
                       .trials = a_step(position_.sums.trials),
                       .rejected = a_step(position_.sums.rejected)});
  }

  void finish_epoch(double rate) {
    const auto start = Clock::now();
    const double training_seconds = position_.sums.seconds;
    EpochResult row{.epoch = position_.epoch + 1,
                    .lr = rate,
                    .train_loss = mean_loss(),
                    .images_per_second = speed(),
                    .adaptive = adaptive(),
                    .evaluations = a_step(position_.sums.evaluations),
                    .backward_evaluations = a_step(position_.sums.backward_evaluations),
                    .trials = a_step(position_.sums.trials),
                    .rejected = a_step(position_.sums.rejected),
                    .dynamics = true};
    row.tested = row.epoch % config_.test_every == 0 || row.epoch == config_.epochs;
    position_ = {.epoch = position_.epoch + 1};
    {
      const AverageInUse average(sgd_);
      if (row.tested) test(row);
      const EpochResult* best = best_result(run_.results());
      row.best = row.tested && (!best || better(row, *best));
      const auto error = row.tested ? std::optional(row.rollout_error) : std::nullopt;
      save(run_.last(), row.epoch, error);
      if (row.best) save(run_.best(), row.epoch, error);
    }
    row.seconds = training_seconds + seconds_since(start);
    run_.add_epoch(row);
    save_position();
    observer_.on_epoch(row);
  }

  void test(EpochResult& row) {
    row.rollout_error = rollout_error(dynamics::rollout_errors(model_, test_set_));
    const torch::NoGradGuard no_grad;
    const Tensor samples = model_->normalised(test_set_);
    const int64_t intervals = samples.size(1) - 1;
    const Tensor predicted = model_->predict(samples.slice(1, 0, intervals).flatten(0, 1), 1).select(1, 0);
    row.test_loss = loss_of(predicted, samples.slice(1, 1).flatten(0, 1)).item<double>();
    model_->take_work();
    require_finite("test loss", row.test_loss, row.epoch, row.lr, kRemedy);
    require_finite("rollout error", row.rollout_error, row.epoch, row.lr, kRemedy);
  }

  // error: if it was tested.
  void save(const std::filesystem::path& path, int64_t epoch, std::optional<double> error) const {
    std::map<std::string, std::string> notes{{"epoch", fmt::format("{}", epoch)}};
    if (error) notes["rollout_error"] = fmt::format("{:.5g}", *error);
    dynamics::save_model(path, model_, notes);
  }

  void save_position() {
    save_state(run_.state(), config_, position_, sgd_);
    saved_ = Clock::now();
  }

  const TrainConfig config_;
  RunFolder& run_;
  Observer& observer_;
  const Tensor train_set_, test_set_;  // [N, intervals + 1, D], float64
  dynamics::Model model_;
  FlatSgd sgd_;
  Tensor inputs_, targets_;  // [pairs, D]
  int64_t pairs_ = 0, steps_ = 0;
  Position position_;
  Clock::time_point saved_;
};

// That mean nothing for trajectories. augment is for images, too, but on by default, and off where it has no meaning.
bool is_for_images(const Field& field) {
  constexpr std::string_view kGroups[] = {"Training for integers", "Teachers and stages", "Domain adaptation"};
  constexpr std::string_view kNames[] = {"skips", "norm", "weights", "end_time", "cutout", "mixup", "label_smoothing"};
  return std::ranges::count(kGroups, field.group) + std::ranges::count(kNames, field.name) > 0;
}

}  // namespace

bool trains_dynamics(const TrainConfig& config) { return dynamics::find_system_or_null(config.dataset) != nullptr; }

void validate_dynamics(const TrainConfig& config) {
  const TrainConfig defaults;
  dynamics::parse_width(config.model);
  for (const Field& field : fields())
    if (is_for_images(field) && field_text(config, field) != field_text(defaults, field))
      throw Error("{} is given, expected none for the dynamic system {}: it is for images", field.name, config.dataset);
  if (config.device == "cuda" || config.precision == "bfloat16")
    throw Error("predictors of dynamic systems are trained on the CPU in float32; leave device and precision at auto");
  model_spec(config);
}

TrainResult train_dynamics(const TrainConfig& config, RunFolder& run, Observer& observer) {
  validate(config);
  nn::set_threads(static_cast<int>(config.threads));
  return DynamicsTrainer(config, run, observer).run();
}

int64_t dynamics_parameters(const TrainConfig& config) {
  const int64_t dimension = dynamics::find_system(config.dataset).dimension, width = model_spec(config).width;
  return (2 * dimension + width) * width + 2 * width + dimension;
}

int64_t dynamics_macs(const TrainConfig& config) {
  const dynamics::ModelSpec spec = model_spec(config);
  const int64_t dimension = dynamics::find_system(config.dataset).dimension, width = spec.width;
  return (2 * dimension + width) * width * spec.stage.executions;
}

double rollout_error(const torch::Tensor& rollout) { return rollout.square().mean().sqrt().item<double>(); }

}  // namespace odenet::train
