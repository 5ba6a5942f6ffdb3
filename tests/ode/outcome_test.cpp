#include "ode/outcome.h"

#include <gmock/gmock.h>

namespace odenet::ode {
namespace {

TEST(Outcome, EachHasANameACauseAndARemedy) {
  ASSERT_EQ(outcomes().size(), 4u);
  for (const OutcomeRow& row : outcomes()) {
    EXPECT_FALSE(row.name.empty());
    EXPECT_FALSE(row.cause.empty());
    EXPECT_FALSE(row.remedy.empty());
    EXPECT_THAT(describe(row.outcome), ::testing::StartsWith(std::string(row.name) + ": "));
  }
}

}  // namespace
}  // namespace odenet::ode
