#include "train/step.h"

#include <torch/torch.h>

#include "nn/float_backend.h"

namespace odenet::train {

Step::Step(nn::Network network, StepOptions options)
    : network_(std::move(network)), options_(options), sgd_(*network_, options.sgd) {}

StepResult Step::operator()(data::Batch& batch, double rate) {
  const auto n = static_cast<int64_t>(batch.size);
  const NetworkSpec& spec = network_->spec();
  auto images = nn::channels_last(batch.pixels, n, spec.height, spec.width);
  if (options_.bfloat16) images = images.to(torch::kBFloat16);
  const auto labels = torch::from_blob(batch.labels.data(), {n}, torch::kInt64);
  const auto logits = network_->forward(images);
  const auto loss = torch::nn::functional::cross_entropy(
      logits, labels, torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(options_.label_smoothing));
  loss.backward();
  sgd_.step(rate);
  return {loss.detach(), (logits.detach().argmax(1) == labels).sum(), n};
}

}  // namespace odenet::train
