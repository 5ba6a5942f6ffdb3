#include "train/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/names.h"

namespace odenet::train {

namespace {

// Half a cosine from `from` at x = 0 to `to` at x = 1.
double anneal(double from, double to, double x) {
  return to + (from - to) * 0.5 * (1.0 + std::cos(std::numbers::pi * x));
}

double warmup_steps(const ScheduleInput& in) { return in.warmup_epochs * static_cast<double>(in.steps_per_epoch); }

// Goyal et al., Accurate, Large Minibatch SGD (2017): a linear rise that reaches 1 with the last step of the warm-up.
double warmup_factor(const ScheduleInput& in) {
  return std::min(1.0, static_cast<double>(in.step + 1) / std::max(1.0, warmup_steps(in)));
}

// Milestones count from the start of the training, warm-up included.
double step_decay(const ScheduleInput& in) {
  const double epoch = static_cast<double>(in.step) / static_cast<double>(in.steps_per_epoch);
  double rate = in.peak * warmup_factor(in);
  for (const double milestone : in.milestones)
    if (epoch >= milestone) rate *= in.gamma;
  return rate;
}

// Loshchilov and Hutter, SGDR (2017), one period, which begins after the warm-up.
double cosine(const ScheduleInput& in) {
  const double warmup = warmup_steps(in);
  const auto step = static_cast<double>(in.step);
  if (step < warmup) return in.peak * warmup_factor(in);
  return anneal(in.peak, 0.0, (step - warmup) / (static_cast<double>(in.steps) - warmup));
}

// Smith and Topin, Super-convergence (2018), with the usual constants: from peak / 25 up over the first 30 % of the
// steps, then down to peak / 250,000.
double one_cycle(const ScheduleInput& in) {
  const double start = in.peak / 25, end = start / 1e4;
  const double turn = 0.3 * static_cast<double>(in.steps);
  const auto step = static_cast<double>(in.step);
  if (step < turn) return anneal(start, in.peak, step / turn);
  return anneal(in.peak, end, (step - turn) / (static_cast<double>(in.steps) - turn));
}

constexpr std::array<Schedule, 3> kSchedules{{
    {"one-cycle", "up to the learning rate over 30 % of the training, then down to nearly 0, both along cosines", true,
     one_cycle},
    {"cosine", "from the learning rate down to 0 along a cosine", false, cosine},
    {"step", "times gamma at each milestone (epochs)", false, step_decay},
}};

}  // namespace

std::span<const Schedule> schedules() { return kSchedules; }

const Schedule& find_schedule(std::string_view name) {
  if (const Schedule* schedule = find_named(kSchedules, name)) return *schedule;
  throw Error("unknown schedule '{}'; there are {}", name, names_of(kSchedules));
}

double learning_rate(const TrainConfig& config, int64_t step, int64_t steps_per_epoch) {
  return find_schedule(config.schedule)
      .rate({.peak = config.lr,
             .step = step,
             .steps = config.epochs * steps_per_epoch,
             .steps_per_epoch = steps_per_epoch,
             .warmup_epochs = config.warmup_epochs,
             .milestones = config.milestones,
             .gamma = config.gamma});
}

}  // namespace odenet::train
