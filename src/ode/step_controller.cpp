#include "ode/step_controller.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/names.h"

namespace odenet::ode {

namespace {

constexpr double kHalf = 0.5;  // the conventional search's factor after a rejection

// G. Soederlind, Digital filters in adaptive time-stepping, 2003: the next step is
//   step * safety * e_n^(-b1/k) * e_(n-1)^(-b2/k) * e_(n-2)^(-b3/k)
// over the errors of the last accepted trials. After a rejection it is that of b1 = 1 alone, and the step does not grow
// at once (Hairer, Norsett, Wanner I, section II.4).
struct Gains {
  double b1, b2, b3;
};

class ErrorController : public StepController {
 public:
  ErrorController(const ControllerOptions& options, Gains gains) : options_(options), gains_(gains) {}
  double first() const override { return options_.first_step; }

  double next(double step, double error) override {
    if (!std::isfinite(error)) return reject(step * kMinFactor);
    const double e = std::max(error, kMinError);
    if (!accepted(error)) return reject(step * std::max(kSafety * power(e, 1), kMinFactor));
    const double factor = kSafety * power(e, gains_.b1) * power(before_, gains_.b2) * power(long_before_, gains_.b3);
    long_before_ = before_;
    before_ = e;
    return step * std::clamp(factor, kMinFactor, std::exchange(rejected_, false) ? 1 : kMaxFactor);
  }

 private:
  static constexpr double kSafety = 0.9, kMinFactor = 0.2, kMaxFactor = 10, kMinError = 1e-10;

  double power(double error, double gain) const { return std::pow(error, -gain / options_.error_order); }
  double reject(double step) {
    rejected_ = true;
    return step;
  }

  ControllerOptions options_;
  Gains gains_;
  double before_ = 1, long_before_ = 1;
  bool rejected_ = false;
};

template <int k1, int k2, int k3, int kDenominator>
std::unique_ptr<StepController> error_controller(const ControllerOptions& options) {
  return std::make_unique<ErrorController>(
      options, Gains{double{k1} / kDenominator, double{k2} / kDenominator, double{k3} / kDenominator});
}

// Starts every evaluation point with C or the step of the one before, and halves it until it is accepted.
class Search : public StepController {
 public:
  explicit Search(const ControllerOptions& options) : options_(options) {}
  double first() const override { return options_.first_step; }
  double next(double step, double error) override {
    if (!accepted(error)) return step * kHalf;
    return options_.warm_start ? step : options_.first_step;
  }

 private:
  ControllerOptions options_;
};

// eNODE, section VII-A: the search's factors follow what happened at the evaluation points before. After s_acc points
// in a row that accepted the step that they started with, the next one starts with a larger one; from the s_rej-th
// point in a row that rejected it, each rejection takes more than half away.
class Slope : public StepController {
 public:
  explicit Slope(const ControllerOptions& options) : options_(options) {}
  double first() const override { return options_.first_step; }

  double next(double step, double error) override {
    const bool accept = accepted(error);
    if (first_trial_) {
      accepts_ = accept ? accepts_ + 1 : 0;
      rejects_ = accept ? 0 : rejects_ + 1;
    }
    first_trial_ = accept;
    if (!accept) return step * (rejects_ >= options_.rejects ? slope_decrease(rejects_) : kHalf);
    const double start = options_.warm_start ? step : options_.first_step;
    return start * (accepts_ >= options_.accepts ? slope_increase(accepts_) : 1);
  }

 private:
  ControllerOptions options_;
  bool first_trial_ = true;
  int accepts_ = 0, rejects_ = 0;  // C_acc, C_rej
};

template <typename Controller>
std::unique_ptr<StepController> make(const ControllerOptions& options) {
  return std::make_unique<Controller>(options);
}

std::unique_ptr<StepController> make_restart(const ControllerOptions& options) {
  ControllerOptions cold = options;
  cold.warm_start = false;
  return make<Search>(cold);
}

constexpr auto kControllers = std::to_array<ControllerRow>({
    {"fixed", "equal steps, no error estimate", nullptr},
    {"i", "adaptive, by the error of the last step", error_controller<1, 0, 0, 1>},
    {"pi", "adaptive, by the errors of the last two steps (PI.3.4)", error_controller<7, -4, 0, 10>},
    {"pid", "adaptive, by the errors of the last three steps (H312PID)", error_controller<1, 2, 1, 18>},
    {"search", "adaptive, halves the step until its error is small enough; never grows it", make<Search>},
    {"restart", "search that begins at every evaluation point with the first step, as the conventional one does",
     make_restart},
    {"slope", "search with eNODE's factors, which follow how often first trials were accepted or rejected",
     make<Slope>},
});

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

void require(bool condition, std::string_view name, double value, std::string_view expected) {
  if (!condition) throw Error("step controller: {} is {}, expected {}", name, value, expected);
}

}  // namespace

std::span<const ControllerRow> controllers() { return kControllers; }

const ControllerRow& find_controller(std::string_view name) {
  if (const ControllerRow* row = find_named(kControllers, name)) return *row;
  throw Error("unknown step controller '{}'; there are {}", name, names_of(kControllers));
}

std::unique_ptr<StepController> make_controller(const ControllerRow& row, const ControllerOptions& options) {
  if (row.make == nullptr) throw Error("step controller '{}' has no error to go by; choose another", row.name);
  require(options.first_step > 0 && std::isfinite(options.first_step), "first step", options.first_step, "more than 0");
  require(options.error_order >= 1, "order of the error", options.error_order, "1 or more");
  require(options.accepts >= 1, "s_acc", options.accepts, "1 or more");
  require(options.rejects >= 1, "s_rej", options.rejects, "1 or more");
  return row.make(options);
}

double slope_increase(int count) { return 2 * sigmoid(count); }
double slope_decrease(int count) { return sigmoid(-count); }

}  // namespace odenet::ode
