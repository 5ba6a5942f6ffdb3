#include "ode/integrate.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace odenet::ode {

namespace {

double relative_error(const StepControl& options, const State& error, const State& before, const State& after,
                      PriorityRows& priority, Statistics& statistics) {
  const torch::NoGradGuard no_grad;
  const size_t count = options.controlled == 0 ? error.size() : options.controlled;
  double sum = 0, largest = 0, elements = 0;
  for (size_t i = 0; i < count; ++i) {
    // Of nothing but zeros without atol, the error 0 is within any tolerance.
    const auto scale = (options.atol + options.rtol * torch::maximum(before[i].abs(), after[i].abs()))
                           .clamp_min(std::numeric_limits<float>::min());
    const auto relative = error[i] / scale;
    if (options.norm == ErrorNorm::kMax) {
      const double value = relative.abs().max().item<double>();
      largest = std::isnan(value) ? value : std::max(largest, value);
      continue;
    }
    auto squares = relative.square();
    elements += static_cast<double>(squares.numel());
    if (options.priority.window == 0) {
      sum += squares.sum(torch::kFloat64).item<double>();
      continue;
    }
    if (squares.dim() == 4)
      squares = squares.sum({0, 1, 3}, false, torch::kFloat64);
    else if (squares.dim() > 1)
      squares = squares.flatten(1).sum(1, false, torch::kFloat64);
    const auto rows = (squares / elements).to(torch::kCPU, torch::kFloat64).contiguous();
    const auto judged = priority.judge({rows.data_ptr<double>(), static_cast<size_t>(rows.numel())});
    statistics.rows += judged.rows;
    statistics.rows_saved += rows.numel() - judged.rows;
    return judged.error;
  }
  if (options.norm == ErrorNorm::kMax) return largest;
  return std::sqrt(sum / elements);
}

bool finite(const State& state) {
  for (const auto& tensor : state)
    if (!torch::isfinite(tensor).all().item<bool>()) return false;
  return true;
}

class AdaptiveRun {
 public:
  AdaptiveRun(const Integration& plan, const Stepper& stepper, const IntegrateHooks& hooks, Integrated& result)
      : plan_(plan),
        options_(plan.control),
        stepper_(stepper),
        hooks_(hooks),
        result_(result),
        priority_(options_.priority),
        direction_(plan.end < plan.start ? -1 : 1) {
    ControllerOptions steps = options_.steps;
    steps.error_order = plan.solver->error_order();
    controller_ = make_controller(*options_.controller, steps);
  }

  void run() {
    double size = controller_->first();
    while (result_.time != plan_.end) {
      const double left = std::abs(plan_.end - result_.time);
      // 16 units in the last place: below, t + h cannot tell the stages' times apart.
      const double smallest =
          16 * std::numeric_limits<double>::epsilon() * std::max(std::abs(plan_.start), std::abs(plan_.end));
      if (result_.statistics.trials >= options_.max_trials) return end(Outcome::kTooManyTrials);
      if (size < smallest) return end(Outcome::kStepTooSmall);
      // A last step that is a little longer is better than a tiny one behind it.
      const bool last = size >= left * (1 - 1e-9);
      const double error = trial(last ? left : size, last);
      if (std::isnan(error) && (!finite(result_.state) || !finite(first_slope_))) return end(Outcome::kNotFinite);
      size = controller_->next(last ? left : size, error);
    }
  }

 private:
  void end(Outcome outcome) { result_.outcome = outcome; }

  // Its error; an accepted one moves the result on.
  double trial(double size, bool last) {
    const TimeStep step{result_.time, direction_ * size, std::ssize(result_.steps)};
    Trial trial;
    trial.first_slope = first_slope_;
    State after = stepper_.step(result_.state, step, Pass::kSearch, &trial);
    first_slope_ = trial.first_slope;
    Statistics& statistics = result_.statistics;
    ++statistics.trials;
    const double error = relative_error(options_, trial.error, result_.state, after, priority_, statistics);
    if (hooks_.on_trial) hooks_.on_trial(step, accepted(error));
    if (!accepted(error)) {
      ++statistics.rejected;
      return error;
    }
    ++statistics.accepted;
    if (hooks_.on_step) hooks_.on_step(result_.state, step);
    result_.steps.push_back(step);
    result_.state = std::move(after);
    result_.time = last ? plan_.end : step.time + step.size;
    first_slope_ = trial.last_slope;
    return error;
  }

  const Integration& plan_;
  const StepControl& options_;
  const Stepper& stepper_;
  const IntegrateHooks& hooks_;
  Integrated& result_;
  PriorityRows priority_;
  const double direction_;
  std::unique_ptr<StepController> controller_;
  State
      first_slope_;  // f at the time reached, if known: kept between the trials there, and of a first-same-as-last step
};

}  // namespace

Statistics& Statistics::operator+=(const Statistics& other) {
  evaluations += other.evaluations;
  trials += other.trials;
  accepted += other.accepted;
  rejected += other.rejected;
  rows += other.rows;
  rows_saved += other.rows_saved;
  return *this;
}

std::vector<TimeStep> equal_steps(const Integration& plan) {
  const double size = (plan.end - plan.start) / static_cast<double>(plan.steps);
  std::vector<TimeStep> steps;
  for (int64_t i = 0; i < plan.steps; ++i) steps.push_back({plan.start + static_cast<double>(i) * size, size, i});
  return steps;
}

void validate(const Integration& plan) {
  if (plan.solver == nullptr) throw Error("integration: no solver is given");
  if (!std::isfinite(plan.start) || !std::isfinite(plan.end))
    throw Error("integration: from {} to {}, expected finite times", plan.start, plan.end);
  if (!plan.adaptive()) {
    if (plan.steps < 1) throw Error("integration: {} steps, expected 1 or more", plan.steps);
    return;
  }
  const StepControl& options = plan.control;
  require_error_estimate(*plan.solver);
  if (!(options.rtol >= 0) || !(options.atol >= 0) || !(options.rtol + options.atol > 0))
    throw Error("integration: rtol {} and atol {}, expected 0 or more, and one above 0", options.rtol, options.atol);
  if (options.max_trials < 1) throw Error("integration: at most {} trials, expected 1 or more", options.max_trials);
  if (options.priority.window > 0 && (options.norm == ErrorNorm::kMax || options.controlled > 1))
    throw Error("integration: priority rows need the norm of one tensor as a sum over rows, which is rms");
}

Integrated integrate(const Integration& plan, const Slope& slope, State z, const IntegrateHooks& hooks) {
  validate(plan);
  Integrated result;
  result.time = plan.start;
  const Stepper stepper(*plan.solver, [&](const State& at, const Evaluation& evaluation) {
    ++result.statistics.evaluations;
    return slope(at, evaluation);
  });
  result.state = stepper.begin(std::move(z), plan.start, plan.adaptive() ? Pass::kSearch : hooks.pass);
  if (plan.adaptive()) {
    AdaptiveRun(plan, stepper, hooks, result).run();
    return result;
  }
  result.steps = equal_steps(plan);
  for (const TimeStep& step : result.steps) {
    if (hooks.on_step) hooks.on_step(result.state, step);
    result.state = stepper.step(result.state, step, hooks.pass);
  }
  result.statistics.trials = result.statistics.accepted = plan.steps;
  result.time = plan.end;
  return result;
}

void require_done(const Integrated& result, const Integration& plan) {
  if (result.outcome == Outcome::kDone) return;
  throw Error("integration by {} from t = {} to {} broke off at {} after {} trials ({} rejected): {}",
              plan.solver->name, plan.start, plan.end, result.time, result.statistics.trials,
              result.statistics.rejected, describe(result.outcome));
}

}  // namespace odenet::ode
