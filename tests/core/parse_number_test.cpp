#include "core/parse_number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace odenet {
namespace {

TEST(ParseNumber, TakesTheWholeText) {
  int64_t whole = 0;
  EXPECT_TRUE(parse_number("-12", whole));
  EXPECT_EQ(whole, -12);
  double real = 0;
  EXPECT_TRUE(parse_number("1e-4", real));
  EXPECT_EQ(real, 1e-4);
}

TEST(ParseNumber, RefusesAnythingElse) {
  int64_t whole = 0;
  for (const char* text : {"", " 1", "1 ", "+1", "1.5", "0x10", "one", "9223372036854775808"})
    EXPECT_FALSE(parse_number(text, whole)) << "'" << text << "'";
  uint8_t narrow = 0;
  EXPECT_FALSE(parse_number("256", narrow));
}

}  // namespace
}  // namespace odenet
