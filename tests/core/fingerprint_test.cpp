#include "core/fingerprint.h"

#include <gtest/gtest.h>

namespace odenet {
namespace {

TEST(Fingerprint, IsThatOfTheTensorsAlone) {
  SafeTensors file;
  file.add<float>("a", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const std::string print = fingerprint(file);
  EXPECT_EQ(print.size(), 16u);
  file.metadata["epoch"] = "3";
  EXPECT_EQ(fingerprint(file), print);
  const auto changed = [&](const std::string& name, const Shape& shape, std::vector<float> values) {
    SafeTensors other;
    other.add<float>(name, shape, values);
    return fingerprint(other);
  };
  EXPECT_EQ(changed("a", {2, 3}, {1, 2, 3, 4, 5, 6}), print);
  EXPECT_NE(changed("a", {2, 3}, {1, 2, 3, 4, 5, 6.0000005f}), print);
  EXPECT_NE(changed("a", {3, 2}, {1, 2, 3, 4, 5, 6}), print);
  EXPECT_NE(changed("b", {2, 3}, {1, 2, 3, 4, 5, 6}), print);
}

}  // namespace
}  // namespace odenet
