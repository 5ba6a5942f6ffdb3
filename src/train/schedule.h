// Learning-rate schedules, as a function of the step; one row each, the table is also the help text.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "train/config.h"

namespace odenet::train {

struct ScheduleInput {
  double peak = 0.1;            // the configured learning rate
  int64_t step = 0, steps = 1;  // this step, 0-based, and the steps of the whole training
  int64_t steps_per_epoch = 1;
  double warmup_epochs = 0;            // linear rise to the peak; ignored by schedules with a warm-up of their own
  std::span<const double> milestones;  // epochs, for "step"
  double gamma = 0.1;                  // factor at each milestone
};

struct Schedule {
  std::string_view name;
  std::string_view help;
  bool own_warmup;  // it starts low by itself: no warmup_epochs
  double (*rate)(const ScheduleInput&);
};

std::span<const Schedule> schedules();
const Schedule& find_schedule(std::string_view name);  // Error listing the names

// Of that step, 0-based, of a training with these settings.
double learning_rate(const TrainConfig& config, int64_t step, int64_t steps_per_epoch);

}  // namespace odenet::train
