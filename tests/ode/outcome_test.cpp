#include "ode/outcome.h"

#include <gmock/gmock.h>

namespace odenet::ode {
namespace {

TEST(Outcome, EachHasANameACauseAndARemedy) {
  for (const auto& [outcome, name] : {std::pair{Outcome::kDone, "done"},
                                      {Outcome::kNotFinite, "not finite"},
                                      {Outcome::kStepTooSmall, "step too small"},
                                      {Outcome::kTooManyTrials, "too many trials"}})
    EXPECT_THAT(describe(outcome), ::testing::MatchesRegex(std::string(name) + ": .+; .+"));
}

}  // namespace
}  // namespace odenet::ode
