#include "train/dynamics_training.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "dynamics/model.h"
#include "nn/float_backend.h"
#include "train/divergence.h"
#include "train/training_loop.h"

namespace odenet::train {

namespace {

using torch::Tensor;

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

class DynamicsTrainer : public TrainingLoop {
 public:
  DynamicsTrainer(const TrainConfig& config, RunFolder& run, Observer& observer)
      : TrainingLoop(config, &run, observer),
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
  }

 private:
  dynamics::Model make_model() const {
    torch::manual_seed(static_cast<uint64_t>(config_.seed));
    dynamics::Model model(model_spec(config_), dynamics::scale_of(train_set_));
    model->set_gradient(ode::find_gradient(config_.gradient).gradient);
    return model;
  }

  Plan plan() const override {
    return {.model = model_->spec().name(),
            .system = config_.dataset,
            .parameters = dynamics_parameters(config_),
            .macs = dynamics_macs(config_),
            .train_images = images(),
            .test_images = test_set_.size(0),
            .threads = torch::get_num_threads(),
            .device = "cpu",
            .precision = "float32"};
  }

  int64_t steps() const override { return (images() + config_.batch - 1) / config_.batch; }
  int64_t images() const override { return inputs_.size(0); }  // pairs of samples
  bool adaptive() const override { return model_->spec().stage.adaptive(); }
  FlatSgd& sgd() override { return sgd_; }

  // The pairs in the order of this epoch, whatever came before.
  void begin_epoch() override {
    at::Generator generator = at::detail::createCPUGenerator();
    generator.set_current_seed(static_cast<uint64_t>(config_.seed) * 0x9e3779b97f4a7c15 +
                               static_cast<uint64_t>(position_.epoch));
    order_ = torch::randperm(images(), generator, torch::kInt64);
  }

  void step(double rate) override {
    const Tensor pairs = order_.slice(0, position_.step * config_.batch, (position_.step + 1) * config_.batch);
    const Tensor predicted = model_->predict(inputs_.index_select(0, pairs), 1).select(1, 0);
    const Tensor loss = loss_of(predicted, targets_.index_select(0, pairs));
    const double value = loss.item<double>();
    require_finite("loss", value, position_.epoch + 1, rate, kRemedy);
    loss.backward();
    sgd_.step(rate);
    position_.sums.loss += value * static_cast<double>(pairs.size(0));
    position_.sums.images += pairs.size(0);
  }

  bool add_up(double) override {
    add_work(model_->take_work());
    return observer_.should_stop();
  }

  Tensor loss_of(const Tensor& predicted, const Tensor& samples) const {
    return (predicted - samples).square().mean() / std::pow(dynamics::find_system(config_.dataset).interval, 2);
  }

  void test(EpochResult& row) override {
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

  void save(const std::filesystem::path& path, const EpochResult& row) const override {
    std::map<std::string, std::string> notes{{"epoch", fmt::format("{}", row.epoch)}};
    if (row.tested) notes["rollout_error"] = fmt::format("{:.5g}", row.rollout_error);
    dynamics::save_model(path, model_, notes);
  }

  const Tensor train_set_, test_set_;  // [N, intervals + 1, D], float64
  dynamics::Model model_;
  FlatSgd sgd_;
  Tensor inputs_, targets_;  // [pairs, D]
  Tensor order_;             // of the pairs in this epoch
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
