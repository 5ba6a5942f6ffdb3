#include "train/schedule.h"

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

double step_decay(const ScheduleInput& in) {
  const double epoch = static_cast<double>(in.step) / static_cast<double>(in.steps_per_epoch);
  double rate = in.peak;
  for (const double milestone : in.milestones)
    if (epoch >= milestone) rate *= in.gamma;
  return rate;
}

// Loshchilov and Hutter, SGDR (2017), one period.
double cosine(const ScheduleInput& in) {
  return anneal(in.peak, 0.0, static_cast<double>(in.step) / static_cast<double>(in.steps));
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
    {"one-cycle", "up to the learning rate over 30 % of the training, then down to nearly 0, both along cosines",
     one_cycle},
    {"cosine", "from the learning rate down to 0 along a cosine", cosine},
    {"step", "times gamma at each milestone (epochs)", step_decay},
}};

}  // namespace

std::span<const Schedule> schedules() { return kSchedules; }

const Schedule& find_schedule(std::string_view name) {
  for (const Schedule& schedule : kSchedules)
    if (schedule.name == name) return schedule;
  throw Error("unknown schedule '{}'; there are {}", name, names_of(kSchedules));
}

}  // namespace odenet::train
