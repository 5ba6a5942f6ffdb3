// What a training would do, without doing it: for `odenet train --dry-run`.
//
//   Plan plan = make_plan(config);      // plan.steps, plan.macs, ...
#pragma once

#include "train/config.h"
#include "train/trainer.h"

namespace odenet::train {

// Validates `config` and loads its data; errors as train() gives them.
Plan make_plan(const TrainConfig& config);

}  // namespace odenet::train
