#include "train/plan.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/median.h"
#include "data/dataset.h"
#include "nn/device.h"
#include "nn/float_backend.h"
#include "spec/zoo.h"

namespace odenet::train {

namespace {

data::Dataset load_limited(const TrainConfig& config, std::string_view name, const char* split) {
  auto dataset = data::load(name, split, config.data_dir);
  const int64_t limit = split == std::string_view("train") ? config.train_limit : config.test_limit;
  if (limit > 0) dataset.truncate(static_cast<size_t>(limit));
  return dataset;
}

}  // namespace

data::Dataset load_split(const TrainConfig& config, const char* split) {
  return load_limited(config, config.dataset, split);
}

data::Dataset load_target(const TrainConfig& config, const char* split) {
  const bool train = split == std::string_view("train");
  if (config.target.empty() || (train && !find_adapt_method(config.adapt).uses_target)) return {};
  auto dataset = load_limited(config, config.target, split);
  if (train) std::fill(dataset.labels.begin(), dataset.labels.end(), 0);
  return dataset;
}

std::unique_ptr<Adaptation> make_adaptation(const TrainConfig& config, const nn::Network& network, int64_t steps) {
  const AdaptMethod& method = find_adapt_method(config.adapt);
  if (!method.uses_target) return nullptr;
  return std::make_unique<Adaptation>(network, AdaptationOptions{.method = config.adapt,
                                                                 .weight = adapt_weight(config),
                                                                 .separate = config.adapt_statistics == "separate",
                                                                 .steps = std::max<int64_t>(1, steps)});
}

double adapt_weight(const TrainConfig& config) {
  return config.adapt_weight > 0 ? config.adapt_weight : find_adapt_method(config.adapt).weight;
}

StepOptions step_options(const TrainConfig& config) {
  return {.sgd = {.momentum = config.momentum,
                  .nesterov = config.nesterov,
                  .weight_decay = config.weight_decay,
                  .decay_all = config.decay_all,
                  .ema = config.ema},
          .label_smoothing = config.label_smoothing};
}

Plan make_plan(const TrainConfig& config) {
  validate(config);
  const NetworkSpec spec = make_spec(config.model, data::find_dataset(config.dataset).classes, config.end_time);
  const auto images = static_cast<int64_t>(load_split(config, "train").size());
  return {.model = spec.model,
          .parameters = parameter_count(spec),
          .macs = mac_count(spec),
          .train_images = images,
          .test_images = static_cast<int64_t>(load_split(config, "test").size()),
          .target_train_images = static_cast<int64_t>(load_target(config, "train").size()),
          .target_test_images = static_cast<int64_t>(load_target(config, "test").size()),
          .steps = config.epochs * ((images + config.batch - 1) / config.batch),
          .threads = static_cast<int>(config.threads)};
}

int64_t predicted_memory(const NetworkSpec& spec, int64_t batch, int64_t element, bool average) {
  int64_t height = spec.height, width = spec.width;
  int64_t largest = spec.stem_channels * height * width;
  int64_t values = spec.in_channels * height * width + 2 * largest;  // images, and the stem's convolution and norm
  for (const Stage& stage : spec.stages) {
    height = conv_size(static_cast<int>(height), stage.stride);
    width = conv_size(static_cast<int>(width), stage.stride);
    const int64_t activation = stage.channels * height * width;
    values += 4 * activation * stage.blocks * stage.executions;  // two convolutions, two norms
    largest = std::max(largest, activation);
  }
  values += 4 * largest;  // gradients in flight
  return values * batch * element + parameter_count(spec) * int64_t{sizeof(float)} * (average ? 4 : 3);
}

Estimate estimate(const TrainConfig& config, const Plan& plan) {
  constexpr int kWarmUp = 3, kMeasured = 7;
  const torch::Device device = nn::choose_device(config.device);
  const nn::PrecisionChoice precision = nn::choose_precision(config.precision, device);
  const auto type = nn::scalar_type(precision.precision);
  nn::set_threads(static_cast<int>(config.threads));
  const int classes = data::find_dataset(config.dataset).classes;
  const NetworkSpec spec = make_spec(config.model, classes, config.end_time);
  nn::Network network(spec);
  network->to(device);
  const auto adaptation = make_adaptation(config, network, plan.steps);
  Step step(network, step_options(config), adaptation.get());
  const int64_t n = std::min(config.batch, plan.train_images);
  const auto noise = [&] {
    const auto images = torch::randn({n, spec.in_channels, spec.height, spec.width});
    return images.contiguous(torch::MemoryFormat::ChannelsLast).to(device, type);
  };
  const TensorBatch batch{.images = noise(),
                          .labels = torch::randint(classes, {n}, torch::TensorOptions(device).dtype(torch::kInt64)),
                          .mixed_labels = {},
                          .target = adaptation ? noise() : torch::Tensor()};
  std::vector<double> seconds;
  for (int i = 0; i < kWarmUp + kMeasured; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step(batch, 1e-6).loss.item<double>();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (i >= kWarmUp) seconds.push_back(time.count());
  }
  const double step_seconds = median(std::move(seconds));
  const int64_t images = adaptation ? 2 * n : n;
  return {.bytes = predicted_memory(spec, images, static_cast<int64_t>(torch::elementSize(type)), config.ema > 0),
          .seconds_a_step = step_seconds,
          .seconds = step_seconds * static_cast<double>(plan.steps),
          .precision = precision.why};
}

}  // namespace odenet::train
