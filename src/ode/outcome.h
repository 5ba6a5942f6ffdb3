// How an integration ended.
//
//   if (result.outcome != Outcome::kDone) throw Error("{}", describe(result.outcome));
#pragma once

#include <string>

namespace odenet::ode {

enum class Outcome { kDone, kNotFinite, kStepTooSmall, kTooManyTrials };

// "step too small: ...cause; ...remedy"
std::string describe(Outcome outcome);

}  // namespace odenet::ode
