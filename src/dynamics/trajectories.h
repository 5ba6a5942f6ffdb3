// Trajectories of a dynamic system, integrated in float64 to far below what networks in float32 can learn.
//
//   torch::Tensor train = trajectories(find_system("three-body"), "train", 256);   // [256, 64, 18]
//
// They are a function of system, split and number alone.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string_view>

#include "dynamics/system.h"

namespace odenet::dynamics {

inline constexpr int64_t kTrainTrajectories = 256, kTestTrajectories = 64;

// [count, intervals + 1, dimension], float64: the samples, the start first. split: "train" or "test".
torch::Tensor trajectories(const System& system, std::string_view split, int64_t count);

// Of all samples of some trajectories, in which networks compute: [dimension] each, float64.
struct Scale {
  torch::Tensor mean, deviation;
};
Scale scale_of(const torch::Tensor& trajectories);

}  // namespace odenet::dynamics
