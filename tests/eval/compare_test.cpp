#include "eval/compare.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/stub_backend.h"
#include "support/expect_error.h"

namespace odenet::eval {
namespace {

using testing::TableBackend;

class Compare : public ::testing::Test {
 protected:
  TableBackend first_{"first", {{4, 0}, {0, 4}}};
  TableBackend second_{"second", {{4, 0}, {4, 1}}};
  const std::vector<uint8_t> images_{0, 1, 1};
  const std::vector<int32_t> labels_{0, 1, 0};
};

TEST_F(Compare, CountsDisagreementAndError) {
  const Comparison c = compare(first_, second_, {images_, labels_}, {.batch = 2});
  EXPECT_EQ(c.first.top1_hits, 2);
  EXPECT_EQ(c.second.top1_hits, 2);
  EXPECT_EQ(c.disagreeing, 2);
  EXPECT_EQ(c.differing_logits, 4);
  EXPECT_EQ(c.max_logit_error, 4);
  ASSERT_EQ(c.points.size(), 1u);
  EXPECT_EQ(c.points[0].point, "fc");
  EXPECT_EQ(c.points[0].count, 6);
  EXPECT_EQ(c.points[0].high, 4);
  EXPECT_EQ(c.points[0].max_error, 4);
  EXPECT_DOUBLE_EQ(c.points[0].sqnr_db(), 10 * std::log10(48.0 / 50.0));  // 3 * 4^2 against 2 * (4^2 + 3^2)
}

TEST_F(Compare, TimesBothAndHidesNoInfiniteError) {
  TableBackend broken("broken", {{4, 0}, {NAN, 4}});
  const Comparison c = compare(first_, broken, {images_, labels_});
  EXPECT_GT(c.first.images_per_second(), 0);
  EXPECT_GT(c.second.images_per_second(), 0);
  EXPECT_EQ(c.max_logit_error, INFINITY);
  EXPECT_EQ(c.points[0].max_error, INFINITY);
}

TEST_F(Compare, NothingDiffersFromItself) {
  const Comparison c = compare(first_, first_, {images_, labels_});
  EXPECT_EQ(c.disagreeing, 0);
  EXPECT_EQ(c.differing_logits, 0);
  EXPECT_EQ(c.points[0].sqnr_db(), INFINITY);
  EXPECT_TRUE(nlohmann::json(c)["points"][0]["sqnr_db"].is_null());
}

TEST_F(Compare, RendersTextAndJson) {
  const Comparison c = compare(first_, second_, {images_, labels_});
  EXPECT_THAT(to_text(c), ::testing::HasSubstr("predictions that disagree: 2 of 3 (66.67 %)"));
  EXPECT_THAT(to_text(c), ::testing::HasSubstr("logits that differ: 4 of 6, by at most 4"));
  const nlohmann::json json = c;
  EXPECT_EQ(json["disagreeing"], 2);
  EXPECT_EQ(json["second"]["backend"], "second");
  EXPECT_EQ(json["points"][0]["max_error"], 4);
}

TEST_F(Compare, RefusesBackendsOfDifferentNetworks) {
  TableBackend three("three", {{1, 2, 3}});
  EXPECT_ERROR(compare(first_, three, {images_, labels_}), "first has 2 classes, three has 3");
  second_.dataset_ = "cifar10";
  EXPECT_ERROR(compare(first_, second_, {images_, labels_}), "first was trained on sample, second on cifar10");
}

}  // namespace
}  // namespace odenet::eval
