#include "train/plan.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "data/dataset.h"
#include "nn/device.h"
#include "nn/float_backend.h"
#include "spec/zoo.h"
#include "train/step.h"

namespace odenet::train {

namespace {

int64_t count_images(const TrainConfig& config, const char* split, int64_t limit) {
  const auto size = static_cast<int64_t>(data::load(config.dataset, split, config.data_dir).size());
  return limit > 0 ? std::min(size, limit) : size;
}

}  // namespace

Plan make_plan(const TrainConfig& config) {
  validate(config);
  const NetworkSpec spec = make_spec(config.model, data::find_dataset(config.dataset).classes, config.end_time);
  const int64_t images = count_images(config, "train", config.train_limit);
  return {.model = spec.model,
          .parameters = parameter_count(spec),
          .macs = mac_count(spec),
          .train_images = images,
          .test_images = count_images(config, "test", config.test_limit),
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
  Step step(network, {.sgd = {.momentum = config.momentum, .ema = config.ema}});
  const int64_t n = std::min(config.batch, plan.train_images);
  const TensorBatch batch{.images = torch::randn({n, spec.in_channels, spec.height, spec.width})
                                        .contiguous(torch::MemoryFormat::ChannelsLast)
                                        .to(device, type),
                          .labels = torch::randint(classes, {n}, torch::TensorOptions(device).dtype(torch::kInt64)),
                          .mixed_labels = {}};
  std::vector<double> seconds;
  for (int i = 0; i < kWarmUp + kMeasured; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step(batch, 1e-6).loss.item<double>();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (i >= kWarmUp) seconds.push_back(time.count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kMeasured / 2, seconds.end());
  const double median = seconds[kMeasured / 2];
  return {.bytes = predicted_memory(spec, n, static_cast<int64_t>(torch::elementSize(type)), config.ema > 0),
          .seconds_a_step = median,
          .seconds = median * static_cast<double>(plan.steps),
          .precision = precision.why};
}

}  // namespace odenet::train
