#include "train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "eval/metrics.h"
#include "fixed/trained_formats.h"
#include "nn/checkpoint.h"
#include "nn/device.h"
#include "nn/float_backend.h"
#include "nn/hand_on.h"
#include "train/batches.h"
#include "train/distillation.h"
#include "train/divergence.h"
#include "train/paired_batches.h"
#include "train/plan.h"
#include "train/quantization.h"
#include "train/stages.h"
#include "train/step.h"
#include "train/training_loop.h"
#include "train/workers.h"

namespace odenet::train {

namespace {

// Of divergence.
constexpr std::string_view kRemedy = "lower lr (or end_time for ODEBlocks)";
constexpr int64_t kGpuReportSteps = 20;  // a GPU is waited for every so many steps

data::LoaderOptions loader_options(const TrainConfig& config, const Workers& workers) {
  const data::DatasetInfo& info = data::find_dataset(config.dataset);
  data::Augmentation augmentation = config.augment ? info.augmentation : data::Augmentation{};
  augmentation.cutout = static_cast<int>(config.cutout);
  augmentation.mixup_alpha = config.mixup;
  return {.batch = static_cast<int>(config.batch),
          .shuffle = true,
          .augment = augmentation,
          .seed = static_cast<uint64_t>(config.seed),
          .normalization = info.normalization,
          .rank = workers.rank(),
          .world_size = workers.size()};
}

// Batches of the target, normalised as the source's: what the network takes does not depend on where an image comes
// from.
data::LoaderOptions target_options(TrainConfig config, const data::LoaderOptions& source, const Workers& workers) {
  constexpr uint64_t kStream = 0x746172676574;  // "target": else two sets of the same size come in the same order
  config.dataset = config.target;
  config.mixup = 0;  // it mixes labels
  data::LoaderOptions options = loader_options(config, workers);
  options.seed ^= kStream;
  options.normalization = source.normalization;
  options.drop_last = true;
  return options;
}

// Statistics of the whole batch while it lives.
class SharedStatistics {
 public:
  explicit SharedStatistics(Workers& workers) {
    if (workers.size() > 1) nn::sum_statistics_with([&workers](std::span<double> values) { workers.sum(values); });
  }
  ~SharedStatistics() { nn::sum_statistics_with({}); }
  SharedStatistics(const SharedStatistics&) = delete;
  SharedStatistics& operator=(const SharedStatistics&) = delete;
};

class Trainer : public TrainingLoop {
 public:
  Trainer(TrainConfig config, RunFolder* run, Observer& observer, Workers& workers, torch::Device device,
          nn::PrecisionChoice precision)
      : TrainingLoop(std::move(config), run, observer),
        workers_(workers),
        device_(device),
        precision_(std::move(precision)),
        train_set_(load_split(config_, "train")),
        test_set_(load_split(config_, "test")),
        target_train_set_(load_target(config_, "train")),
        target_test_set_(load_target(config_, "test")),
        network_(make_network()),
        adaptive_(is_adaptive(network_->spec())),
        distillation_(make_distillation()),
        batches_(make_all_batches()),
        steps_(batches_->count()),
        adaptation_(make_adaptation(config_, network_, config_.epochs * steps_)),
        step_(network_, step_options(config_),
              {.distillation = distillation_ ? &*distillation_ : nullptr, .adaptation = adaptation_.get()}),
        info_{.dataset = config_.dataset,
              .class_names = train_set_.class_names,
              .normalization = data::find_dataset(config_.dataset).normalization,
              .notes = {}} {}

 private:
  nn::Network make_network() const {
    torch::manual_seed(static_cast<uint64_t>(config_.seed));
    nn::Network network(network_spec(config_));
    if (run_ && !config_.weights.empty() && !has_state())
      nn::hand_on(nn::load_checkpoint(find_checkpoint(config_.weights)).network, network);
    network->set_gradient(ode::find_gradient(config_.gradient).gradient);
    if (const auto quantization = quantization_of(config_)) network->set_quantization(*quantization);
    network->to(device_);
    return network;
  }

  std::unique_ptr<Batches> make_all_batches() const {
    require_batches(config_, images(), static_cast<int64_t>(target_train_set_.size()), workers_.size());
    const data::LoaderOptions options = loader_options(config_, workers_);
    const torch::ScalarType type = nn::scalar_type(precision_.precision);
    auto source = make_batches(train_set_, options, device_, type);
    if (!find_adapt_method(config_.adapt).uses_target) return source;
    auto target = make_batches(target_train_set_, target_options(config_, options, workers_), device_, type);
    return std::make_unique<PairedBatches>(std::move(source), std::move(target));
  }

  bool has_state() const {
    std::error_code code;
    return run_->opened() && std::filesystem::exists(run_->state(), code);
  }

  // A run that goes on has a teacher of its own.
  std::filesystem::path teacher_path() const {
    std::error_code code;
    return run_ && std::filesystem::exists(run_->teacher(), code) ? run_->teacher()
                                                                  : std::filesystem::path(config_.teacher);
  }

  std::optional<Distillation> make_distillation() const {
    if (config_.distillation == "none") return {};
    return distillation_for(config_, load_teacher(teacher_path(), config_).network, device_);
  }

  void begin() override {
    keep_teacher();
    share_state();
  }

  void keep_teacher() const {
    if (!run_ || !distillation_) return;
    if (const auto from = teacher_path(); from != run_->teacher())
      write_file(run_->teacher(), read_file(find_checkpoint(from)));
  }

  // Every worker starts where worker 0 does.
  void share_state() {
    if (workers_.size() == 1) return;
    if (distillation_) distillation_->share(workers_);
    for (const auto& [name, tensor] : step_.sgd().state()) workers_.broadcast(tensor);
    const torch::Tensor where = torch::tensor({position_.epoch, position_.step, step_.sgd().steps()}, torch::kInt64);
    workers_.broadcast(where);
    position_.epoch = where[0].item<int64_t>();
    position_.step = where[1].item<int64_t>();
    step_.sgd().set_steps(where[2].item<int64_t>());
  }

  Plan plan() const override {
    const NetworkSpec& spec = network_->spec();
    return {.model = spec.model,
            .parameters = parameter_count(spec),
            .macs = mac_count(spec),
            .train_images = images(),
            .test_images = static_cast<int64_t>(test_set_.size()),
            .target_train_images = static_cast<int64_t>(target_train_set_.size()),
            .target_test_images = static_cast<int64_t>(target_test_set_.size()),
            .threads = torch::get_num_threads(),
            .workers = workers_.size(),
            .device = device_.str(),
            .precision = precision_.why,
            .warning = precision_.warning};
  }

  int64_t steps() const override { return steps_; }
  int64_t images() const override { return static_cast<int64_t>(train_set_.size()); }
  bool adaptive() const override { return adaptive_; }
  FlatSgd& sgd() override { return step_.sgd(); }

  void begin_epoch() override {
    network_->train();
    batches_->start_epoch(static_cast<uint64_t>(position_.epoch), position_.step);
  }

  void step(double rate) override {
    pending_.push_back(step_(batches_->next().value(), rate, workers_, batch_images()));
  }

  // Of all workers.
  int64_t batch_images() const { return std::min(config_.batch, images() - position_.step * config_.batch); }

  bool due() const override {
    return device_.is_cpu() || position_.step % kGpuReportSteps == 0 || position_.step == steps_;
  }

  // True if any worker is asked to stop.
  bool add_up(double rate) override {
    double sums[] = {0, 0, 0, observer_.should_stop() ? 1.0 : 0.0, 0};
    for (const StepResult& r : pending_) {
      sums[0] += r.loss.item<double>();
      sums[1] += r.correct.item<double>();
      sums[2] += static_cast<double>(r.images);
      if (r.adapt_loss.defined()) sums[4] += r.adapt_loss.item<double>();
    }
    pending_.clear();
    workers_.sum(sums);
    require_finite("loss", sums[0] + sums[4], position_.epoch + 1, rate, kRemedy);
    position_.sums.loss += sums[0];
    position_.sums.correct += static_cast<int64_t>(sums[1]);
    position_.sums.images += static_cast<int64_t>(sums[2]);
    position_.sums.adapt_loss += sums[4];
    add_work(network_->take_work());
    return sums[3] > 0;
  }

  eval::Metrics evaluate(const data::Dataset& dataset) {
    nn::FloatBackend backend(network_, info_);
    return eval::evaluate(backend, {dataset.images, dataset.labels});
  }

  void test(EpochResult& row) override {
    const auto metrics = evaluate(test_set_);
    require_finite("test loss", metrics.loss(), row.epoch, row.lr, kRemedy);
    row.test_loss = metrics.loss();
    row.test_top1 = 100 * metrics.top1();
    row.test_top5 = 100 * metrics.top5();
  }

  // The network as the target sees it: tested and saved, but never chosen by, as its labels count as unknown.
  void finish_target(EpochResult& row) override {
    const TargetStatistics in_use(adaptation_.get());
    if (row.tested) {
      const auto metrics = evaluate(target_test_set_);
      row.target_loss = metrics.loss();
      row.target_top1 = 100 * metrics.top1();
    }
    nn::ModelInfo info = info_;
    info.dataset = config_.target;
    info.class_names = target_test_set_.class_names;
    save(run_->target(), info, row, row.target_top1);
  }

  void save(const std::filesystem::path& path, const EpochResult& row) const override {
    save(path, info_, row, row.test_top1);
  }

  // top1: counts if the row is tested.
  void save(const std::filesystem::path& path, nn::ModelInfo info, const EpochResult& row, double top1) const {
    info.notes = {{"epoch", fmt::format("{}", row.epoch)}};
    if (row.tested) info.notes["test_top1"] = fmt::format("{:.2f}", top1);
    if (config_.quantize > 0) {
      info.notes[fixed::kTrainedBits] = fmt::format("{}", config_.quantize);
      info.notes[fixed::kTrainedActivations] = config_.activations;
    }
    nn::save_checkpoint(path, network_, info);
  }

  Workers& workers_;
  const torch::Device device_;
  const nn::PrecisionChoice precision_;
  const data::Dataset train_set_, test_set_;
  const data::Dataset target_train_set_, target_test_set_;  // empty without
  nn::Network network_;
  const bool adaptive_;
  const std::optional<Distillation> distillation_;
  std::unique_ptr<Batches> batches_;
  const int64_t steps_;
  std::unique_ptr<Adaptation> adaptation_;  // null without
  Step step_;
  nn::ModelInfo info_;
  std::vector<StepResult> pending_;  // not yet added up
};

void require_possible(const TrainConfig& config, const WorkerEnvironment& environment) {
  validate(config);
  if (environment.size > 1 && is_adaptive(network_spec(config)))
    throw Error("controller {} goes by the error of whole batches, and these are divided among {} processes; start one",
                config.controller, environment.size);
  if (environment.size > 1 && find_adapt_method(config.adapt).uses_target)
    throw Error("adapt {} compares whole batches, and these are divided among {} processes; start one", config.adapt,
                environment.size);
}

}  // namespace

TrainResult train(const TrainConfig& config, RunFolder& run, Observer& observer) {
  return train(config, &run, observer, {});
}

TrainResult train(const TrainConfig& config, RunFolder* run, Observer& observer, const WorkerEnvironment& environment) {
  require_possible(config, environment);
  const torch::Device device = nn::choose_device(config.device, environment.local_rank);
  Workers workers = environment.size > 1 ? Workers(environment, device) : Workers();
  return train(config, run, observer, environment, workers);
}

TrainResult train(const TrainConfig& config, RunFolder* run, Observer& observer, const WorkerEnvironment& environment,
                  Workers& workers) {
  require_possible(config, environment);
  if (needs_stages(config))
    throw Error("start is '{}': this training has stages, which are trainings of their own", config.start);
  const torch::Device device = nn::choose_device(config.device, environment.local_rank);
  nn::PrecisionChoice precision = training_precision(config, device);
  if (run && run->opened()) precision.why = as_when_it_began(nn::name_of(precision.precision));
  nn::set_threads(static_cast<int>(config.threads), environment.local_size);
  TrainConfig resolved = resolve_machine(config, environment);
  resolved.adapt_weight = adapt_weight(config);
  resolved.activations = choose_activations(config);
  const SharedStatistics shared(workers);
  Trainer trainer(std::move(resolved), run, observer, workers, device, precision);
  return trainer.run();
}

TrainConfig resolve_machine(TrainConfig config, const WorkerEnvironment& environment) {
  const torch::Device device = nn::choose_device(config.device, environment.local_rank);
  config.precision = nn::name_of(training_precision(config, device).precision);
  config.device = device.is_cpu() ? "cpu" : "cuda";
  return config;
}

}  // namespace odenet::train
