// What step an adaptive integration tries next. No LibTorch; steps are sizes, whatever the direction of time.
//
//   auto controller = make_controller(find_controller("pi"), {.first_step = 0.1, .error_order = 5});
//   double step = controller->first();
//   ... error = estimated error of a trial with `step`, in tolerances; the trial is accepted if it is at most 1
//   step = controller->next(step, error);   // for the next evaluation point, or again for this one
#pragma once

#include <memory>
#include <span>
#include <string_view>

namespace odenet::ode {

struct ControllerOptions {
  double first_step = 0.1;  // C, of the first trial
  int error_order = 2;      // the estimate shrinks as step^error_order: the lower of a pair's orders, and one
  // Of "search" and "slope":
  bool warm_start = true;        // an evaluation point starts with the step of the one before; else with C
  int accepts = 3, rejects = 3;  // of "slope": thresholds s_acc and s_rej
};

class StepController {
 public:
  virtual ~StepController() = default;
  virtual double first() const = 0;
  // A trial of `step` had `error`, not finite if the trial was not.
  virtual double next(double step, double error) = 0;
};

inline bool accepted(double error) { return error <= 1; }  // and so no NaN

// One row a controller. `make` is null for "fixed", the steps of which are known beforehand: no errors are estimated.
struct ControllerRow {
  std::string_view name, help;
  std::unique_ptr<StepController> (*make)(const ControllerOptions& options);
};

std::span<const ControllerRow> controllers();

// Throws Error listing the names.
const ControllerRow& find_controller(std::string_view name);

// Of an adaptive one; throws Error for "fixed", and for options out of range.
std::unique_ptr<StepController> make_controller(const ControllerRow& row, const ControllerOptions& options);

// The slope-adaptive search's factors, after `count` evaluation points in a row that accepted, or rejected, the step
// that they started with (eNODE, section VII-A). Printed are sigmoid(C_acc) with the condition to be above 1, which no
// sigmoid meets, and sigmoid(-C_rej) with that to be within 0 and 1, which holds. So the increase is
// 2 sigmoid(C_acc), the same curve with its value at 0, no experience, moved to 1, no change; it stays below 2.
double slope_increase(int count);
double slope_decrease(int count);

}  // namespace odenet::ode
