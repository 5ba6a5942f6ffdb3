#include "data/libsvm.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

TEST(Libsvm, ReadsSparseRows) {
  const LibsvmData data = parse_libsvm("7 1:-1 3:0.25 \r\n\n+1 2:1e-1 4:+0.5\n-2", 4, "f");
  EXPECT_EQ(data.labels, (std::vector<int>{7, 1, -2}));
  EXPECT_EQ(data.values, (std::vector<float>{-1, 0, 0.25f, 0, 0, 0.1f, 0, 0.5f, 0, 0, 0, 0}));
}

TEST(Libsvm, EachMalformationNamesTheLine) {
  EXPECT_ERROR(parse_libsvm("", 4, "f"), "f: no example");
  EXPECT_ERROR(parse_libsvm("1 1:1\nx 1:1", 4, "f"), "f: line 2: 'x'", "class number");
  EXPECT_ERROR(parse_libsvm("1.5 1:1", 4, "f"), "line 1: '1.5'");
  EXPECT_ERROR(parse_libsvm("1 1", 4, "f"), "line 1: '1'", "INDEX:VALUE");
  EXPECT_ERROR(parse_libsvm("1 1:", 4, "f"), "'1:'", "INDEX:VALUE");
  EXPECT_ERROR(parse_libsvm("1 a:1", 4, "f"), "'a:1'", "INDEX:VALUE");
  EXPECT_ERROR(parse_libsvm("1 1:nan", 4, "f"), "'1:nan'", "INDEX:VALUE");
  EXPECT_ERROR(parse_libsvm("1 1:0.5x", 4, "f"), "'1:0.5x'");
  EXPECT_ERROR(parse_libsvm("1 -1:0", 4, "f"), "'-1:0'");
  EXPECT_ERROR(parse_libsvm("1 0:1", 4, "f"), "'0:1'", "index from 1 to 4");
  EXPECT_ERROR(parse_libsvm("1 5:1", 4, "f"), "'5:1'", "index from 1 to 4");
  EXPECT_ERROR(parse_libsvm("1 3:1 2:1", 4, "f"), "'2:1'", "index from 4 to 4");
}

}  // namespace
}  // namespace odenet::data
