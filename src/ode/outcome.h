// How an integration ended.
//
//   if (result.outcome != Outcome::kDone) throw Error("{}", describe(result.outcome));
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace odenet::ode {

enum class Outcome { kDone, kNotFinite, kStepTooSmall, kTooManyTrials };

struct OutcomeRow {
  Outcome outcome;
  std::string_view name, cause, remedy;
};

std::span<const OutcomeRow> outcomes();

// "step too small: ...cause; ...remedy"
std::string describe(Outcome outcome);

}  // namespace odenet::ode
