#include "train/plan.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/median.h"
#include "data/dataset.h"
#include "nn/device.h"
#include "nn/float_backend.h"
#include "train/distillation.h"
#include "train/quantization.h"
#include "train/stages.h"

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

void require_batches(const TrainConfig& config, int64_t images, int64_t target_images, int workers) {
  const int64_t last = (images - 1) % config.batch + 1;
  const bool adapted = find_adapt_method(config.adapt).uses_target;
  if (last < workers)
    throw Error("the last batch of an epoch has {} images for {} workers; choose another batch than {}", last, workers,
                config.batch);
  if (adapted && last < 2)
    throw Error("the last batch of an epoch has one image, adapt {} needs two; choose another batch than {}",
                config.adapt, config.batch);
  if (adapted && target_images < config.batch)
    throw Error("the target {} has {} training images, not enough for a batch of {}; choose a smaller batch",
                config.target, target_images, config.batch);
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
  const NetworkSpec spec = network_spec(config);
  const auto images = static_cast<int64_t>(load_split(config, "train").size());
  const auto target_images = static_cast<int64_t>(load_target(config, "train").size());
  require_batches(config, images, target_images);
  return {.model = spec.model,
          .parameters = parameter_count(spec),
          .macs = mac_count(spec),
          .train_images = images,
          .test_images = static_cast<int64_t>(load_split(config, "test").size()),
          .target_train_images = target_images,
          .target_test_images = static_cast<int64_t>(load_target(config, "test").size()),
          .steps = config.epochs * ((images + config.batch - 1) / config.batch),
          .threads = static_cast<int>(config.threads)};
}

int64_t predicted_memory(const NetworkSpec& spec, int64_t batch, int64_t element, bool average,
                         ode::Gradient gradient) {
  int64_t height = spec.height, width = spec.width;
  int64_t replayed = 0, largest = spec.stem_channels * height * width;
  int64_t values = spec.in_channels * height * width + 2 * largest;  // images, and the stem's convolution and norm
  for (const Stage& stage : spec.stages) {
    height = conv_size(static_cast<int>(height), stage.stride);
    width = conv_size(static_cast<int>(width), stage.stride);
    const int64_t activation = stage.channels * height * width;
    constexpr int64_t kKept = 4;  // activations of one execution: of two convolutions and two norms
    if (stage.ode) {
      const auto memory = ode::memory_of(gradient, ode::find_solver(stage.solver), odenet::steps(stage));
      values += activation * stage.blocks * (kKept * memory.evaluations + memory.states);
      replayed = std::max(replayed, activation * (kKept * memory.replayed + memory.working));
    } else {
      values += kKept * activation * stage.blocks;
    }
    largest = std::max(largest, activation);
  }
  values += 4 * largest + replayed;  // gradients in flight, and one integration's replay
  return values * batch * element + parameter_count(spec) * int64_t{sizeof(float)} * (average ? 4 : 3);
}

nn::PrecisionChoice training_precision(const TrainConfig& config, const torch::Device& device) {
  const ode::GradientRow& gradient = ode::find_gradient(config.gradient);
  std::string why;
  if (gradient.rebuilds_states) why = fmt::format("gradient {} computes states backwards", gradient.name);
  if (config.quantize > 0) why = "bfloat16 would repeat the roundings of quantize";
  if (is_adaptive(network_spec(config)))
    why = fmt::format("the errors that controller {} goes by would drown in bfloat16", config.controller);
  if (config.precision != "auto" || why.empty()) return nn::choose_precision(config.precision, device);
  return {nn::Precision::Float32, "float32: " + why, ""};
}

std::string as_when_it_began(std::string_view precision) { return fmt::format("{}: as when it began", precision); }

Estimate estimate(const TrainConfig& config, const Plan& plan) {
  constexpr int kWarmUp = 3, kMeasured = 7;
  const torch::Device device = nn::choose_device(config.device);
  const nn::PrecisionChoice precision = training_precision(config, device);
  const auto type = nn::scalar_type(precision.precision);
  nn::set_threads(static_cast<int>(config.threads));
  const NetworkSpec spec = network_spec(config);
  const ode::Gradient gradient = ode::find_gradient(config.gradient).gradient;
  nn::Network network(spec);
  network->set_gradient(gradient);
  if (const auto quantization = quantization_of(config)) network->set_quantization(*quantization);
  network->to(device);
  std::optional<Distillation> distillation;
  if (config.distillation != "none") {
    nn::Network teacher =
        config.teacher.empty() ? nn::Network(start_network(config)) : load_teacher(config.teacher, config).network;
    distillation.emplace(distillation_for(config, std::move(teacher), device));
  }
  const auto adaptation = make_adaptation(config, network, plan.steps);
  Step step(network, step_options(config),
            {.distillation = distillation ? &*distillation : nullptr, .adaptation = adaptation.get()});
  const int64_t n = std::min(config.batch, plan.train_images);
  const auto noise = [&] {
    const auto images = torch::randn({n, spec.in_channels, spec.height, spec.width});
    return images.contiguous(torch::MemoryFormat::ChannelsLast).to(device, type);
  };
  const TensorBatch batch{
      .images = noise(),
      .labels = torch::randint(spec.classes, {n}, torch::TensorOptions(device).dtype(torch::kInt64)),
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
  const auto bytes = [&](ode::Gradient method) {
    return predicted_memory(spec, images, static_cast<int64_t>(torch::elementSize(type)), config.ema > 0, method);
  };
  std::vector<MethodMemory> methods;
  if (std::ranges::any_of(spec.stages, &Stage::ode) && !is_adaptive(spec))
    for (const ode::GradientRow& row : ode::gradients())
      if (ode::sound(row.gradient, ode::find_solver(config.solver))) methods.push_back({row.name, bytes(row.gradient)});
  return {.bytes = bytes(gradient),
          .methods = std::move(methods),
          .seconds_a_step = step_seconds,
          .seconds = step_seconds * static_cast<double>(plan.steps),
          .precision = precision.why};
}

}  // namespace odenet::train
