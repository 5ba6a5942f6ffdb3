// One training step: forward, loss, backward, optimiser.
//
//   Step step(network, {.sgd = {.weight_decay = 5e-4}, .label_smoothing = 0.1, .bfloat16 = true});
//   StepResult result = step(batch, rate);
//
// In bfloat16 the images, convolutions and activations are bfloat16; master weights, batch statistics, the pooled
// features, the loss and the optimiser stay float32.
#pragma once

#include "data/loader.h"
#include "nn/network.h"
#include "train/flat_sgd.h"

namespace odenet::train {

struct StepOptions {
  SgdOptions sgd;
  double label_smoothing = 0;
  bool bfloat16 = false;
};

// Tensors on the network's device, so that a GPU need not be waited for: read them only when wanted.
struct StepResult {
  torch::Tensor loss;     // scalar: mean over the batch
  torch::Tensor correct;  // scalar: images whose largest logit is that of their label
  int64_t images = 0;
};

class Step {
 public:
  Step(nn::Network network, StepOptions options);

  // Moves the batch's memory: its pixels and labels must live until the call returns.
  StepResult operator()(data::Batch& batch, double rate);

  FlatSgd& sgd() { return sgd_; }

 private:
  nn::Network network_;
  StepOptions options_;
  FlatSgd sgd_;
};

}  // namespace odenet::train
