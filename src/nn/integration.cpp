#include "nn/integration.h"

namespace odenet::nn {

ode::Integration integration_of(const Stage& stage, double end) {
  ode::Integration plan{
      .solver = &ode::find_solver(stage.solver), .start = 0, .end = end, .steps = steps(stage), .control = {}};
  if (!stage.adaptive()) return plan;
  const AdaptiveSteps& steps = stage.steps;
  plan.control = {.controller = &ode::find_controller(steps.controller),
                  .rtol = steps.rtol,
                  .atol = steps.atol,
                  .steps = {.first_step = steps.first_step, .accepts = steps.accepts, .rejects = steps.rejects},
                  .priority = {.window = steps.window, .window_decides = true}};
  return plan;
}

}  // namespace odenet::nn
