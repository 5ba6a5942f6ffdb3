// What a training would do, without doing it: for `odenet train --dry-run`.
//
//   Plan plan = make_plan(config);      // plan.steps, plan.macs, ...
#pragma once

#include <memory>

#include "nn/device.h"
#include "ode/gradient_method.h"
#include "spec/network_spec.h"
#include "train/config.h"
#include "train/step.h"
#include "train/trainer.h"

namespace odenet::train {

// What a config asks for, the same for a plan and for the training: the images of "train" or "test", cut to its limits,
// and the settings of a step.
data::Dataset load_split(const TrainConfig& config, const char* split);

// The same of the target, empty if none is needed. The training images come without labels: all are 0.
data::Dataset load_target(const TrainConfig& config, const char* split);
StepOptions step_options(const TrainConfig& config);
double adapt_weight(const TrainConfig& config);  // the method's own where the config leaves it open

// Error for batches that cannot be trained with: too few images in the last one of an epoch, or in the target.
void require_batches(const TrainConfig& config, int64_t images, int64_t target_images, int workers = 1);

// Null if nothing is adapted. steps: of the whole training.
std::unique_ptr<Adaptation> make_adaptation(const TrainConfig& config, const nn::Network& network, int64_t steps);

// Validates `config` and loads its data; errors as train() gives them.
Plan make_plan(const TrainConfig& config);

// Bytes that the tensors of a step take at most, as far as the network decides it: what the backward pass needs of
// every convolution and norm (two activations each), the gradients in flight, parameters with gradient, momentum and
// average. element: bytes of an activation, 4 or 2. The convolution library's scratch memory comes on top; so does,
// with backprop, all but the first of adaptive steps.
int64_t predicted_memory(const NetworkSpec& spec, int64_t batch, int64_t element, bool average,
                         ode::Gradient gradient = ode::Gradient::kBackprop);

// "auto" means float32 for gradient methods, adaptive steps and quantization, which do not survive another.
nn::PrecisionChoice training_precision(const TrainConfig& config, const torch::Device& device);

// The reason for the precision of a run that goes on.
std::string as_when_it_began(std::string_view precision);

// Of the same step, differentiated by another method.
struct MethodMemory {
  std::string_view gradient;
  int64_t bytes = 0;
};

struct Estimate {
  int64_t bytes = 0;                  // predicted_memory()
  std::vector<MethodMemory> methods;  // where there are ODEBlocks of fixed steps, all that their solver allows
  double seconds_a_step = 0;          // measured, median of a few
  double seconds = 0;                 // of the whole training, without tests and start-up
  std::string precision;              // and why
};

// Runs a few steps on noise, with the device, precision and threads that training would take.
Estimate estimate(const TrainConfig& config, const Plan& plan);

}  // namespace odenet::train
