#include "dynamics/trajectories.h"

#include <torch/torch.h>

#include "core/error.h"
#include "ode/integrate.h"

namespace odenet::dynamics {

namespace {

constexpr double kTolerance = 1e-11;

uint64_t stream_of(std::string_view split) {
  if (split == "train") return 1;
  if (split == "test") return 2;
  throw Error("unknown split '{}'; there are train, test", split);
}

}  // namespace

torch::Tensor trajectories(const System& system, std::string_view split, int64_t count) {
  const torch::NoGradGuard no_grad;
  const uint64_t stream = stream_of(split);
  const auto dimension = static_cast<size_t>(system.dimension);
  const torch::Tensor states = torch::empty({count, system.intervals + 1, system.dimension}, torch::kFloat64);
  const ode::Slope slope = [&](const ode::State& z, const ode::Evaluation&) {
    const torch::Tensor dz = torch::empty_like(z.front());
    system.slope({z.front().data_ptr<double>(), dimension}, {dz.data_ptr<double>(), dimension});
    return ode::State{dz};
  };
  ode::Integration plan{.solver = &ode::find_solver("dormand-prince"),
                        .end = system.interval,
                        .control = {.controller = &ode::find_controller("pi"),
                                    .rtol = kTolerance,
                                    .atol = kTolerance,
                                    .norm = ode::ErrorNorm::kMax,
                                    .steps = {.first_step = system.interval / 10}}};
  for (int64_t i = 0; i < count; ++i) {
    data::Random random({0x64796e616d696373, stream, static_cast<uint64_t>(i)});  // "dynamics"
    torch::Tensor z = torch::empty({system.dimension}, torch::kFloat64);
    system.start(random, {z.data_ptr<double>(), dimension});
    states[i][0].copy_(z);
    for (int k = 1; k <= system.intervals; ++k) {
      const ode::Integrated result = ode::integrate(plan, slope, {z});
      ode::require_done(result, plan);
      z = result.state.front();
      states[i][k].copy_(z);
    }
  }
  return states;
}

Scale scale_of(const torch::Tensor& trajectories) {
  const torch::Tensor samples = trajectories.flatten(0, 1);
  return {samples.mean(0), samples.std(0)};
}

}  // namespace odenet::dynamics
