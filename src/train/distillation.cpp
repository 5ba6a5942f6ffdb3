#include "train/distillation.h"

#include <torch/torch.h>

#include <array>

#include "core/error.h"
#include "core/names.h"
#include "nn/state.h"
#include "train/run_folder.h"

namespace odenet::train {

namespace {

using torch::Tensor;

Tensor tailor(const Tensor& student, const Tensor& teacher, double) { return (student - teacher).square().mean(); }

Tensor kd(const Tensor& student, const Tensor& teacher, double temperature) {
  const Tensor p = torch::log_softmax(teacher / temperature, 1), q = torch::log_softmax(student / temperature, 1);
  return temperature * temperature * (p.exp() * (p - q)).sum(1).mean();
}

constexpr std::array<DistillationMethod, 2> kMethods{{
    {"tailor", "squared difference of the logits", 0.35, tailor},
    {"kd", "Hinton's soft labels, at a temperature", 0.9, kd},
}};

}  // namespace

std::span<const DistillationMethod> distillation_methods() { return kMethods; }

const DistillationMethod& find_distillation(std::string_view name) {
  if (const DistillationMethod* method = find_named(kMethods, name)) return *method;
  throw Error("unknown distillation '{}'; there are none, {}", name, names_of(kMethods));
}

Distillation::Distillation(nn::Network teacher, const DistillationMethod& method, DistillationOptions options)
    : teacher_(std::move(teacher)), method_(method), options_(options) {
  if (options_.weight == 0) options_.weight = method.weight;
  teacher_->eval();
  for (Tensor& parameter : teacher_->parameters()) parameter.requires_grad_(false);
}

Tensor Distillation::mix(const Tensor& labels_loss, const Tensor& logits, const Tensor& images) const {
  Tensor wanted;
  {
    const torch::NoGradGuard no_grad;
    wanted = teacher_->forward(images);
  }
  const Tensor loss = method_.loss(logits, wanted, options_.temperature);
  return (1 - options_.weight) * labels_loss + options_.weight * loss;
}

void Distillation::share(Workers& workers) const {
  for (const auto& [name, tensor] : nn::state_of(teacher_)) workers.broadcast(tensor);
}

nn::Checkpoint load_teacher(const std::filesystem::path& path, const TrainConfig& config) {
  if (std::error_code code; !std::filesystem::exists(path, code))
    throw Error("teacher {} does not exist; expected a run folder of odenet train, or a checkpoint of it",
                path.string());
  const std::filesystem::path file = find_checkpoint(path);
  nn::Checkpoint teacher = nn::load_checkpoint(file);
  const NetworkSpec& spec = teacher.network->spec();
  const NetworkSpec student = network_spec(config);
  const auto refuse = [&](std::string_view what, const auto& found, const auto& expected) {
    throw Error("teacher {}: its {} is {}, expected {} as in this training", file.string(), what, found, expected);
  };
  if (teacher.info.dataset != config.dataset) refuse("data set", teacher.info.dataset, config.dataset);
  if (spec.classes != student.classes) refuse("number of classes", spec.classes, student.classes);
  if (spec.in_channels != student.in_channels || spec.height != student.height || spec.width != student.width)
    refuse("image size", fmt::format("{}x{}x{}", spec.in_channels, spec.height, spec.width),
           fmt::format("{}x{}x{}", student.in_channels, student.height, student.width));
  return teacher;
}

Distillation distillation_for(const TrainConfig& config, nn::Network teacher, torch::Device device) {
  teacher->to(device);
  return {std::move(teacher),
          find_distillation(config.distillation),
          {.weight = config.distillation_weight, .temperature = config.temperature}};
}

}  // namespace odenet::train
