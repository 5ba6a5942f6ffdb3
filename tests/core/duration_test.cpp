#include "core/duration.h"

#include <gtest/gtest.h>

namespace odenet {
namespace {

TEST(Duration, HoursOnlyWhereThereAreAny) {
  EXPECT_EQ(duration(0), "0:00");
  EXPECT_EQ(duration(59.6), "1:00");
  EXPECT_EQ(duration(3599), "59:59");
  EXPECT_EQ(duration(3723), "1:02:03");
  EXPECT_EQ(duration(100 * 3600), "100:00:00");
}

}  // namespace
}  // namespace odenet
