// The error of a training whose numbers run away, the same for images and for dynamic systems.
#pragma once

#include <cmath>
#include <string_view>

#include "core/error.h"

namespace odenet::train {

// what: "loss", in `epoch` (1-based) at learning rate `rate`; remedy: "lower lr".
inline void require_finite(std::string_view what, double value, int64_t epoch, double rate, std::string_view remedy) {
  if (!std::isfinite(value))
    throw Error(
        "training diverged: the {} is {} in epoch {} at learning rate {:.3g}; {}. The checkpoints of earlier "
        "epochs are kept",
        what, value, epoch, rate, remedy);
}

}  // namespace odenet::train
