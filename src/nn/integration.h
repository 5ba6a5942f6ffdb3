// What a stage's solver and steps mean to src/ode.
#pragma once

#include "ode/integrate.h"
#include "spec/network_spec.h"

namespace odenet::nn {

// From time 0 to `end`.
ode::Integration integration_of(const Stage& stage, double end);

}  // namespace odenet::nn
