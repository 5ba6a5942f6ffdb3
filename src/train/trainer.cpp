#include "train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "data/loader.h"
#include "eval/metrics.h"
#include "nn/float_backend.h"
#include "spec/zoo.h"
#include "train/schedule.h"

namespace odenet::train {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kTestBatch = 250;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

data::Dataset load_split(const TrainConfig& config, const char* split, int64_t limit) {
  auto dataset = data::load(config.dataset, split, config.data_dir);
  if (limit > 0) dataset.truncate(static_cast<size_t>(limit));
  return dataset;
}

// Weight decay goes to convolution and fc weights; norms and biases have one dimension.
torch::optim::SGD make_optimizer(const nn::Network& network, const TrainConfig& config) {
  std::vector<torch::Tensor> decayed, plain;
  for (const auto& parameter : network->parameters())
    (config.decay_all || parameter.dim() > 1 ? decayed : plain).push_back(parameter);
  const auto options = [&](double decay) {
    return std::make_unique<torch::optim::SGDOptions>(
        torch::optim::SGDOptions(config.lr).momentum(config.momentum).nesterov(config.nesterov).weight_decay(decay));
  };
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::move(decayed), options(config.weight_decay));
  if (!plain.empty()) groups.emplace_back(std::move(plain), options(0));
  return torch::optim::SGD(std::move(groups), torch::optim::SGDOptions(config.lr));
}

// Mean loss and accuracy over the images seen.
class Meter {
 public:
  void add(double loss, int64_t correct, int64_t images) {
    loss_ += loss * static_cast<double>(images);
    correct_ += correct;
    images_ += images;
  }
  double loss() const { return loss_ / static_cast<double>(std::max<int64_t>(images_, 1)); }
  double top1() const {
    return 100.0 * static_cast<double>(correct_) / static_cast<double>(std::max<int64_t>(images_, 1));
  }
  int64_t images() const { return images_; }

 private:
  double loss_ = 0;
  int64_t correct_ = 0, images_ = 0;
};

class Trainer {
 public:
  Trainer(const TrainConfig& config, RunFolder& run, Observer& observer)
      : config_(config),
        run_(run),
        observer_(observer),
        train_set_(load_split(config, "train", config.train_limit)),
        test_set_(load_split(config, "test", config.test_limit)),
        schedule_(find_schedule(config.schedule)),
        loader_(train_set_,
                {.batch = static_cast<int>(config.batch),
                 .shuffle = true,
                 .augment = config.augment ? data::find_dataset(config.dataset).augmentation : data::Augmentation{},
                 .seed = static_cast<uint64_t>(config.seed),
                 .normalization = data::find_dataset(config.dataset).normalization}) {
    torch::manual_seed(static_cast<uint64_t>(config.seed));
    network_ = nn::Network(make_spec(config.model, train_set_.classes, config.end_time));
    info_ = {.dataset = config.dataset,
             .class_names = train_set_.class_names,
             .normalization = data::find_dataset(config.dataset).normalization,
             .notes = {}};
  }

  TrainResult run() {
    run_.create(config_);
    announce();
    TrainResult result;
    torch::optim::SGD optimizer = make_optimizer(network_, config_);
    std::vector<double> speeds;
    if (config_.epochs == 0) save(run_.last(), 0, 0);
    for (int64_t epoch = 0; epoch < config_.epochs; ++epoch) {
      const auto start = Clock::now();
      EpochResult row = train_epoch(optimizer, epoch);
      evaluate_into(row);
      row.seconds = seconds_since(start);
      row.best = epoch == 0 || row.test_top1 > result.best_top1;
      save(run_.last(), row.epoch, row.test_top1);
      if (row.best) {
        save(run_.best(), row.epoch, row.test_top1);
        result.best_top1 = row.test_top1;
      }
      result.last_top1 = row.test_top1;
      speeds.push_back(row.images_per_second);
      run_.add_epoch(row);
      observer_.on_epoch(row);
    }
    if (!speeds.empty()) {
      std::nth_element(speeds.begin(), speeds.begin() + static_cast<std::ptrdiff_t>(speeds.size() / 2), speeds.end());
      result.images_per_second = speeds[speeds.size() / 2];
    }
    return result;
  }

 private:
  void announce() {
    const NetworkSpec& spec = network_->spec();
    observer_.on_start({.model = spec.model,
                        .parameters = parameter_count(spec),
                        .macs = mac_count(spec),
                        .train_images = static_cast<int64_t>(train_set_.size()),
                        .test_images = static_cast<int64_t>(test_set_.size()),
                        .steps = config_.epochs * static_cast<int64_t>(loader_.batches()),
                        .threads = torch::get_num_threads()});
  }

  EpochResult train_epoch(torch::optim::SGD& optimizer, int64_t epoch) {
    const auto steps = static_cast<int64_t>(loader_.batches());
    const auto start = Clock::now();
    Meter meter;
    EpochResult row{.epoch = epoch + 1};
    network_->train();
    loader_.start_epoch(static_cast<uint64_t>(epoch));
    for (int64_t step = 0; auto batch = loader_.next(); ++step) {
      row.lr = schedule_.rate({.peak = config_.lr,
                               .step = epoch * steps + step,
                               .steps = config_.epochs * steps,
                               .steps_per_epoch = steps,
                               .milestones = config_.milestones,
                               .gamma = config_.gamma});
      for (auto& group : optimizer.param_groups()) group.options().set_lr(row.lr);
      train_step(optimizer, *batch, meter, row);
      report(meter, epoch, step + 1, steps, seconds_since(start));
    }
    row.train_loss = meter.loss();
    row.train_top1 = meter.top1();
    row.images_per_second = static_cast<double>(meter.images()) / seconds_since(start);
    return row;
  }

  void train_step(torch::optim::SGD& optimizer, data::Batch& batch, Meter& meter, const EpochResult& row) {
    const auto n = static_cast<int64_t>(batch.size);
    const NetworkSpec& spec = network_->spec();
    const auto images = nn::channels_last(batch.pixels, n, spec.height, spec.width);
    const auto labels = torch::from_blob(batch.labels.data(), {n}, torch::kInt64);
    const auto logits = network_->forward(images);
    const auto loss = torch::nn::functional::cross_entropy(
        logits, labels, torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(config_.label_smoothing));
    const double value = loss.item<double>();
    if (!std::isfinite(value))
      throw Error(
          "training diverged: the loss is {} in epoch {} at learning rate {:.3g}; lower lr (or end_time for "
          "ODEBlocks). "
          "The checkpoints of earlier epochs are in {}",
          value, row.epoch, row.lr, run_.path().string());
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    meter.add(value, (logits.argmax(1) == labels).sum().item<int64_t>(), n);
  }

  void report(const Meter& meter, int64_t epoch, int64_t step, int64_t steps, double seconds) {
    const double speed = static_cast<double>(meter.images()) / seconds;
    const auto steps_left = static_cast<double>((config_.epochs - epoch) * steps - step);
    observer_.on_step({.epoch = epoch + 1,
                       .epochs = config_.epochs,
                       .step = step,
                       .steps = steps,
                       .loss = meter.loss(),
                       .top1 = meter.top1(),
                       .images_per_second = speed,
                       .seconds_left = seconds / static_cast<double>(step) * steps_left});
  }

  void evaluate_into(EpochResult& row) {
    nn::FloatBackend backend(network_, info_);
    const auto metrics = eval::evaluate(backend, {test_set_.images, test_set_.labels}, {.batch = kTestBatch});
    row.test_loss = metrics.loss();
    row.test_top1 = 100 * metrics.top1();
    row.test_top5 = 100 * metrics.top5();
  }

  void save(const std::filesystem::path& path, int64_t epoch, double top1) {
    info_.notes = {{"epoch", fmt::format("{}", epoch)}, {"test_top1", fmt::format("{:.2f}", top1)}};
    nn::save_checkpoint(path, network_, info_);
  }

  const TrainConfig& config_;
  RunFolder& run_;
  Observer& observer_;
  data::Dataset train_set_, test_set_;
  const Schedule& schedule_;
  data::Loader loader_;
  nn::Network network_{nullptr};
  nn::ModelInfo info_;
};

}  // namespace

TrainResult train(const TrainConfig& config, RunFolder& run, Observer& observer) {
  validate(config);
  nn::set_threads(static_cast<int>(config.threads));
  Trainer trainer(config, run, observer);
  return trainer.run();
}

}  // namespace odenet::train
