#include "ode/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace odenet::ode {

namespace {

struct OutcomeRow {
  Outcome outcome;
  std::string_view name, cause, remedy;
};

constexpr auto kOutcomes = std::to_array<OutcomeRow>({
    {Outcome::kDone, "done", "the end time is reached", "nothing is to be done"},
    {Outcome::kNotFinite, "not finite",
     "the state or its slope is NaN or infinite, so the solution or the training diverged",
     "take more steps or a shorter end time, and lower the learning rate"},
    {Outcome::kStepTooSmall, "step too small",
     "no step that the arithmetic can tell from 0 meets the tolerance: the equation is stiff or jumps there, or the "
     "tolerance is below the rounding errors",
     "raise rtol and atol, compute in float64, or take fixed steps"},
    {Outcome::kTooManyTrials, "too many trials",
     "the limit of trials is used up before the end time: the tolerance is tight for the order, or the equation stiff",
     "raise rtol and atol, take a solver of higher order, or raise the limit"},
});

}  // namespace

std::string describe(Outcome outcome) {
  const auto row = std::ranges::find(kOutcomes, outcome, &OutcomeRow::outcome);
  return fmt::format("{}: {}; {}", row->name, row->cause, row->remedy);
}

}  // namespace odenet::ode
