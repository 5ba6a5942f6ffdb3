// Training of a predictor of a dynamic system (dynamics/model.h): SGD on pairs of neighbouring samples of the training
// trajectories. It has the settings, run folder, learning rates, exact resume and observer of train().
//
//   if (trains_dynamics(config)) train_dynamics(config, run, observer);
//
// The loss is the mean square of prediction - sample after one interval, in standard deviations per unit of time: so
// the learning rate does not depend on the interval. The test follows every test trajectory from its first sample to
// its end: test_loss is the loss of single intervals there, rollout_error the root of the mean square over whole
// trajectories, by which the best epoch is chosen.
#pragma once

#include <torch/types.h>

#include "train/trainer.h"

namespace odenet::train {

// Whether the data set is a dynamic system.
bool trains_dynamics(const TrainConfig& config);

// Error for settings that images have and trajectories do not, besides those that validate() refuses.
void validate_dynamics(const TrainConfig& config);

// Errors as of train().
TrainResult train_dynamics(const TrainConfig& config, RunFolder& run, Observer& observer);

// Of the predictor; multiply-adds of one interval, or of one evaluation where steps are adaptive.
int64_t dynamics_parameters(const TrainConfig& config);
int64_t dynamics_macs(const TrainConfig& config);

// The root of the mean square of errors over the intervals. rollout: of dynamics::rollout_errors().
double rollout_error(const torch::Tensor& rollout);

}  // namespace odenet::train
