// Unsupervised domain adaptation: a network learns the classes from labelled images of a source and, at the same time,
// to give images of a target, whose labels it never sees, the same distribution of pooled features.
//
//   Adaptation adaptation(network, {.method = "dann", .weight = 1, .separate = true, .steps = 4000});
//   FlatSgd sgd(adaptation.module(), options);
//   const auto [logits, loss, weight] = adaptation.forward(source_images, target_images, step);
//   (cross_entropy(logits, labels) + weight * loss).backward();
//   { const TargetStatistics in_use(&adaptation); evaluate(network, target_test_images); }
//
// Norm statistics. Separate: source and target pass through the network one after the other, each normalised by its own
// batch, with running statistics of its own; the target is then tested with the target's. The weights are shared.
// Joint: one pass over both, one set of statistics. Separate statistics adapt the network by themselves, which is what
// the method "adabn" does and nothing else: Y. Li et al., "Revisiting batch normalization for practical domain
// adaptation", ICLR Workshops 2017.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/device.h"
#include "nn/network.h"
#include "train/adaptation_losses.h"

namespace odenet::train {

struct AdaptMethod {
  std::string_view name;
  std::string_view help;
  bool uses_target = true;   // trains with images of the target
  double weight = 0;         // of its loss, where the config leaves it open
  bool adversarial = false;  // its loss is that of a discriminator; else:
  torch::Tensor (*loss)(const torch::Tensor& source, const torch::Tensor& target) = nullptr;

  bool has_loss() const { return adversarial || loss != nullptr; }
};

std::span<const AdaptMethod> adapt_methods();
const AdaptMethod& find_adapt_method(std::string_view name);  // Error listing the names

std::span<const nn::Named> adapt_statistics();  // separate, joint

struct AdaptationOptions {
  std::string method = "none";
  double weight = 1;     // of the loss, when it is fully grown
  bool separate = true;  // norm statistics of the domains
  int64_t steps = 1;     // of the whole training, for the schedule
};

class Adaptation {
 public:
  Adaptation(nn::Network network, AdaptationOptions options);

  // All that the optimiser and a resumed training have to know: the network, then the discriminator and the target's
  // statistics where there are any. A moving average follows them too.
  torch::nn::Module& module() { return *module_; }

  struct Outputs {
    torch::Tensor logits;  // of the source, [N, classes]
    torch::Tensor loss;    // of the adaptation, without its weight; undefined if the method has none
    double weight = 0;     // at this step
  };
  // The network has to be in training mode. step: 0-based, of options.steps.
  Outputs forward(const torch::Tensor& source, const torch::Tensor& target, int64_t step);

  // Exchanges the network's running statistics and the target's; nothing with joint statistics.
  void swap_statistics();

 private:
  struct Pass {
    torch::Tensor logits, features;
  };
  Pass run(const torch::Tensor& images);

  nn::Network network_;
  const AdaptMethod& method_;
  AdaptationOptions options_;
  std::shared_ptr<torch::nn::Module> module_;
  Discriminator discriminator_{nullptr};                           // of an adversarial method
  std::vector<torch::Tensor> own_statistics_, target_statistics_;  // pairs; none if they are joint
};

// The network has the target's statistics while it lives. Null: there is no adaptation, nothing happens.
class TargetStatistics {
 public:
  explicit TargetStatistics(Adaptation* adaptation) : adaptation_(adaptation) { swap(); }
  ~TargetStatistics() { swap(); }
  TargetStatistics(const TargetStatistics&) = delete;
  TargetStatistics& operator=(const TargetStatistics&) = delete;

 private:
  void swap() {
    if (adaptation_) adaptation_->swap_statistics();
  }
  Adaptation* adaptation_;
};

}  // namespace odenet::train
