// One training step: forward, loss, backward, optimiser.
//
//   Step step(network, {.sgd = {.weight_decay = 5e-4}, .label_smoothing = 0.1});
//   StepResult result = step(batch, rate);
//
// The type of the images is that of convolutions and activations. In bfloat16, master weights, batch statistics, the
// pooled features, the loss and the optimiser stay float32.
#pragma once

#include "nn/network.h"
#include "train/adaptation.h"
#include "train/batches.h"
#include "train/flat_sgd.h"
#include "train/workers.h"

namespace odenet::train {

struct StepOptions {
  SgdOptions sgd;
  double label_smoothing = 0;
};

// Tensors on the network's device, so that a GPU need not be waited for: read them only when wanted.
struct StepResult {
  torch::Tensor loss;             // scalar: sum over the images of this process
  torch::Tensor correct;          // scalar: images whose largest logit is that of their label
  int64_t images = 0;             // of this process
  torch::Tensor adapt_loss = {};  // scalar: without its weight, times images; undefined without such a loss
};

class Step {
 public:
  // adaptation: of that network, where the batches have a target; it must outlive the step. Else null.
  Step(nn::Network network, StepOptions options, Adaptation* adaptation = nullptr);

  // With several workers, `batch` is this process's share of `batch_images` images, and all take the same step.
  StepResult operator()(const TensorBatch& batch, double rate);
  StepResult operator()(const TensorBatch& batch, double rate, Workers& workers, int64_t batch_images);

  FlatSgd& sgd() { return sgd_; }

 private:
  StepResult backward(const TensorBatch& batch, double weight);

  nn::Network network_;
  StepOptions options_;
  Adaptation* adaptation_;
  FlatSgd sgd_;
};

}  // namespace odenet::train
