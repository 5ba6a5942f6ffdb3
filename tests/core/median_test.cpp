#include "core/median.h"

#include <gtest/gtest.h>

namespace odenet {
namespace {

TEST(Median, IsTheMiddleOne) {
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1, 3, 2}), 3) << "of two in the middle the upper one";
}

}  // namespace
}  // namespace odenet
