#include "train/step.h"

#include <torch/torch.h>

namespace odenet::train {

Step::Step(nn::Network network, StepOptions options, Adaptation* adaptation)
    : network_(std::move(network)),
      options_(options),
      adaptation_(adaptation),
      sgd_(adaptation ? adaptation->module() : *network_, options.sgd) {}

StepResult Step::operator()(const TensorBatch& batch, double rate) {
  const StepResult result = backward(batch, 1);
  sgd_.step(rate);
  return result;
}

StepResult Step::operator()(const TensorBatch& batch, double rate, Workers& workers, int64_t batch_images) {
  // The mean over the processes of the weighted means is the mean over the batch, however it is divided.
  const double weight = static_cast<double>(batch.size() * workers.size()) / static_cast<double>(batch_images);
  const StepResult result = backward(batch, weight);
  workers.average(sgd_.gradients());
  sgd_.step(rate);
  return result;
}

StepResult Step::backward(const TensorBatch& batch, double weight) {
  const Adaptation::Outputs outputs = adaptation_
                                          ? adaptation_->forward(batch.images, batch.target, sgd_.steps())
                                          : Adaptation::Outputs{.logits = network_->forward(batch.images), .loss = {}};
  const torch::Tensor& logits = outputs.logits;
  const auto options = torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(options_.label_smoothing);
  auto loss = torch::nn::functional::cross_entropy(logits, batch.labels, options);
  if (batch.mixed_labels.defined())
    loss = batch.lambda * loss +
           (1 - batch.lambda) * torch::nn::functional::cross_entropy(logits, batch.mixed_labels, options);
  const auto total = outputs.loss.defined() ? loss + outputs.weight * outputs.loss : loss;
  (weight == 1 ? total : total * weight).backward();
  return {.loss = loss.detach() * batch.size(),
          .correct = (logits.detach().argmax(1) == batch.labels).sum(),
          .images = batch.size(),
          .adapt_loss = outputs.loss.defined() ? outputs.loss.detach() * batch.size() : torch::Tensor()};
}

}  // namespace odenet::train
