#include "core/text_table.h"

#include <gtest/gtest.h>

namespace odenet {
namespace {

TEST(TextTable, AlignsTheFirstCellLeftAndTheOthersRight) {
  EXPECT_EQ(text_table({{"run", "a", "long"}, {"epochs", "10", "5"}}),
            "run      a  long\n"
            "epochs  10     5\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
  EXPECT_EQ(text_table({{"ö", "±1"}, {"ab", "123"}}),
            "ö    ±1\n"
            "ab  123\n");
}

TEST(TextTable, LinesMayBeShorter) {
  EXPECT_EQ(text_table({{"a", "b", "c"}, {"alone"}, {}, {"d", "ee"}}),
            "a       b  c\n"
            "alone\n"
            "\n"
            "d      ee\n");
  EXPECT_EQ(text_table({}), "");
}

}  // namespace
}  // namespace odenet
