// Distillation: a trained network, the teacher, helps to train another one, which is to give its logits.
//
//   Distillation distillation(std::move(teacher), find_distillation("kd"), {.weight = 0.9, .temperature = 4});
//   loss = distillation.mix(loss_of_labels, logits, images);       // 0.1 loss_of_labels + 0.9 loss_of_teacher
//
// The teacher's weights stay, it uses its running statistics, and sees the images that the student sees, augmented and
// mixed alike, in the same precision. Its network may be any one of as many classes.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <span>
#include <string_view>

#include "nn/checkpoint.h"
#include "train/config.h"
#include "train/workers.h"

namespace odenet::train {

struct DistillationMethod {
  std::string_view name;
  std::string_view help;
  double weight;  // customary share of the teacher's loss
  // Mean over the images of what sets the logits apart, both [N, classes]; the gradient goes to the student's.
  torch::Tensor (*loss)(const torch::Tensor& student, const torch::Tensor& teacher, double temperature);
};

// tailor: mean over images and classes of the squared difference of the logits. O. Weng et al., "Tailor" (2023).
// kd: T^2 KL(softmax(teacher / T) || softmax(student / T)). The factor keeps the size of the gradients whatever T is.
//     G. Hinton et al., "Distilling the knowledge in a neural network" (2015).
std::span<const DistillationMethod> distillation_methods();
const DistillationMethod& find_distillation(std::string_view name);  // Error listing the names

struct DistillationOptions {
  double weight = 0;  // share of the teacher's loss, that of the labels has the rest; 0: the method's own
  double temperature = 4;
};

class Distillation {
 public:
  Distillation(nn::Network teacher, const DistillationMethod& method, DistillationOptions options);

  // labels_loss: the mean over the images. Nothing else than the student's logits gets a gradient.
  torch::Tensor mix(const torch::Tensor& labels_loss, const torch::Tensor& logits, const torch::Tensor& images) const;

  // Every worker gets the teacher of worker 0.
  void share(Workers& workers) const;

 private:
  mutable nn::Network teacher_;
  const DistillationMethod& method_;
  DistillationOptions options_;
};

// The checkpoint, or that of the run folder, at `path`, as a teacher of what `config` trains. Errors: no such file, a
// damaged one, another data set, other classes, images of another size.
nn::Checkpoint load_teacher(const std::filesystem::path& path, const TrainConfig& config);

// With the settings of `config`.
Distillation distillation_for(const TrainConfig& config, nn::Network teacher, torch::Device device);

}  // namespace odenet::train
