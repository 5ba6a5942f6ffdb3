#include "train/training_state.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "core/parse_number.h"
#include "core/safetensors.h"

namespace odenet::train {

namespace {

using torch::Tensor;

constexpr const char* kFormat = "odenet-training-state";

// The settings as text, without those that do not change what is computed.
std::string settings(TrainConfig config) {
  const TrainConfig defaults;
  config.threads = defaults.threads;
  config.device = defaults.device;
  config.data_dir = defaults.data_dir;
  config.checkpoint_minutes = defaults.checkpoint_minutes;
  config.weights = defaults.weights;
  config.teacher = defaults.teacher;  // of which the run has a copy
  return to_toml(config);
}

int64_t number(const SafeTensors& file, const char* key) {
  const std::string& text = file.meta(key);
  int64_t value = 0;
  if (!parse_number(text, value) || value < 0)
    throw Error("{}: {} is '{}', expected a whole number; is the file damaged?", file.source, key, text);
  return value;
}

// The state of the random generator, known to be one.
Tensor random_state(const SafeTensors& file) {
  at::Generator trial = at::detail::createCPUGenerator();
  const Tensor state = trial.get_state();
  const auto bytes = file.get<uint8_t>("random", {state.numel()});
  std::copy(bytes.begin(), bytes.end(), state.data_ptr<uint8_t>());
  try {
    trial.set_state(state);
  } catch (const c10::Error&) {
    throw Error("{}: random is not the state of a random generator; is the file damaged?", file.source);
  }
  return state;
}

}  // namespace

void save_state(const std::filesystem::path& path, const TrainConfig& config, const Position& position,
                const FlatSgd& sgd) {
  SafeTensors file;
  file.metadata = {{"format", kFormat},
                   {"settings", settings(config)},
                   {"epoch", std::to_string(position.epoch)},
                   {"step", std::to_string(position.step)},
                   {"optimiser_steps", std::to_string(sgd.steps())},
                   {"correct", std::to_string(position.sums.correct)},
                   {"images", std::to_string(position.sums.images)}};
  for (const auto& [name, tensor] : sgd.state()) {
    const Tensor values = tensor.to(torch::kCPU);
    file.add(name, {values.numel()},
             std::span<const float>(values.data_ptr<float>(), static_cast<size_t>(values.numel())));
  }
  const EpochSums& s = position.sums;
  const double sums[] = {s.loss, s.seconds, s.adapt_loss, s.evaluations, s.backward_evaluations, s.trials, s.rejected};
  file.add("epoch_sums", {7}, std::span<const double>(sums));
  const Tensor random = at::detail::getDefaultCPUGenerator().get_state();
  file.add("random", {random.numel()},
           std::span<const uint8_t>(random.data_ptr<uint8_t>(), static_cast<size_t>(random.numel())));
  file.save(path);
}

Position load_state(const std::filesystem::path& path, const TrainConfig& config, FlatSgd& sgd) {
  const SafeTensors file = SafeTensors::load(path);
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != kFormat)
    throw Error("{}: expected the state of a training (format {}), found format '{}'", path.string(), kFormat,
                format == file.metadata.end() ? "" : format->second);
  if (file.meta("settings") != settings(config))
    throw Error("{}: belongs to a training with other settings than its config.toml; was that edited? Start a new run",
                path.string());
  // Everything is read and checked before anything is changed.
  const auto state = sgd.state();
  std::vector<std::vector<float>> values;
  for (const auto& [name, tensor] : state) values.push_back(file.get<float>(name, {tensor.numel()}));
  const Tensor random = random_state(file);
  const int64_t steps = number(file, "optimiser_steps");
  const auto sums = file.get<double>("epoch_sums", {7});
  const Position position{.epoch = number(file, "epoch"),
                          .step = number(file, "step"),
                          .sums = {.loss = sums[0],
                                   .correct = number(file, "correct"),
                                   .images = number(file, "images"),
                                   .seconds = sums[1],
                                   .adapt_loss = sums[2],
                                   .evaluations = sums[3],
                                   .backward_evaluations = sums[4],
                                   .trials = sums[5],
                                   .rejected = sums[6]}};

  auto next = values.begin();
  for (const auto& [name, tensor] : state)
    Tensor(tensor).copy_(torch::from_blob((next++)->data(), {tensor.numel()}, torch::kFloat32));
  auto generator = at::detail::getDefaultCPUGenerator();
  generator.set_state(random);
  sgd.set_steps(steps);
  return position;
}

}  // namespace odenet::train
