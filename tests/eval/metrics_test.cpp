#include "eval/metrics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/stub_backend.h"
#include "support/expect_error.h"

namespace odenet::eval {
namespace {

using ::testing::HasSubstr;
using testing::TableBackend;

TEST(Metrics, CountsHitsLossAndConfusion) {
  TableBackend backend("table", {{3, 1, 0}, {0, 2, 2}, {0, 0, 5}});
  const std::vector<uint8_t> images{0, 1, 2, 0};
  const std::vector<int32_t> labels{0, 2, 2, 1};
  const Metrics metrics = evaluate(backend, {images, labels});
  EXPECT_EQ(metrics.count, 4);
  EXPECT_EQ(metrics.top1(), 0.5);  // of the equal logits of image 1 the lower class is predicted: 1, not 2
  EXPECT_EQ(metrics.top5(), 1);
  EXPECT_EQ(metrics.confusion, (std::vector<int64_t>{1, 0, 0, 1, 0, 0, 0, 1, 1}));
  const double loss = -std::log(std::exp(3) / (std::exp(3) + std::exp(1) + 1)) -
                      std::log(std::exp(2) / (2 * std::exp(2) + 1)) - std::log(std::exp(5) / (std::exp(5) + 2)) -
                      std::log(std::exp(1) / (std::exp(3) + std::exp(1) + 1));
  EXPECT_NEAR(metrics.loss(), loss / 4, 1e-12);
}

TEST(Metrics, TopFiveOfMoreThanFive) {
  TableBackend backend("table", {{6, 5, 4, 3, 2, 1}, {1, 1, 1, 1, 1, 1}});
  const std::vector<uint8_t> images{0, 0, 1, 1};
  const std::vector<int32_t> labels{4, 5, 4, 5};
  EXPECT_EQ(evaluate(backend, {images, labels}).top5(), 0.5);
}

TEST(Metrics, LogitsThatAreNoNumbersAreMisses) {
  TableBackend backend("table", {{NAN, NAN}, {INFINITY, 0}, {1, 0}});
  const std::vector<uint8_t> images{0, 1, 2};
  const std::vector<int32_t> labels{0, 0, 0};
  const Metrics metrics = evaluate(backend, {images, labels});
  EXPECT_EQ(metrics.top1_hits, 1);
  EXPECT_EQ(metrics.top5_hits, 1);
  EXPECT_EQ(metrics.not_finite, 2);
  EXPECT_THAT(summary(metrics), HasSubstr("\ntable: 2 images with logits that are not finite"));
  EXPECT_EQ(nlohmann::json(metrics)["not_finite"], 2);
}

TEST(Metrics, ShowsWhatTheBackendCounted) {
  TableBackend backend("table", {{1, 0}});
  const std::vector<uint8_t> images{0};
  const std::vector<int32_t> labels{0};
  EXPECT_FALSE(nlohmann::json(evaluate(backend, {images, labels})).contains("counts"));
  backend.counts_ = {{"saturations", 3}, {"steps_an_image", 1.25}};
  const Metrics metrics = evaluate(backend, {images, labels});
  EXPECT_THAT(summary(metrics), HasSubstr("\ntable: 3 saturations\ntable: 1.2 steps an image\n"));
  EXPECT_EQ(nlohmann::json(metrics)["counts"]["steps_an_image"], 1.25);
}

TEST(Metrics, LargeLogitsDoNotOverflow) {
  TableBackend backend("table", {{2000, 0}});
  const std::vector<uint8_t> images{0};
  const std::vector<int32_t> labels{1};
  EXPECT_EQ(evaluate(backend, {images, labels}).loss(), 2000);
}

TEST(Metrics, BatchesCoverAllImagesOnce) {
  TableBackend backend("table", {{1, 0}, {0, 1}});
  const std::vector<uint8_t> images{0, 1, 0, 1, 0, 1, 1};
  const std::vector<int32_t> labels{0, 1, 0, 1, 0, 1, 1};
  std::vector<size_t> done;
  const Metrics metrics = evaluate(backend, {images, labels}, {.batch = 3, .progress = [&](size_t now, size_t total) {
                                                                 EXPECT_EQ(total, 7u);
                                                                 done.push_back(now);
                                                               }});
  EXPECT_EQ(done, (std::vector<size_t>{3, 6, 7}));
  EXPECT_EQ(backend.calls, 3);
  EXPECT_EQ(metrics.top1_hits, 7);
}

TEST(Metrics, AccuracyOfEachClass) {
  TableBackend backend("table", {{1, 0, 0}, {0, 1, 0}});
  const std::vector<uint8_t> images{0, 1, 1, 1};
  const std::vector<int32_t> labels{0, 0, 0, 1};
  const Metrics metrics = evaluate(backend, {images, labels});
  EXPECT_EQ(metrics.class_count(0), 3);
  EXPECT_EQ(metrics.class_top1(0), 1.0 / 3);
  EXPECT_EQ(metrics.class_top1(1), 1.0);
  EXPECT_EQ(metrics.class_count(2), 0);
  EXPECT_EQ(metrics.class_top1(2), std::nullopt);
  EXPECT_GT(metrics.images_per_second(), 0);
  EXPECT_EQ(nlohmann::json(metrics)["class_top1"], nlohmann::json({1.0 / 3, 1.0, nullptr}));
}

TEST(Metrics, RefusesLabelsThatDoNotFit) {
  TableBackend backend("table", {{1, 0}});
  const std::vector<uint8_t> images{0, 0};
  const auto with = [&](const std::vector<int32_t>& labels) { return evaluate(backend, {images, labels}); };
  EXPECT_ERROR(with({0, 2}), "image 1", "label 2", "0 to 1");
  EXPECT_ERROR(with({-1, 0}), "label -1");
  EXPECT_ERROR(with({}), "no images");
  EXPECT_ERROR(with({0, 0, 0}), "2 bytes of images for 3 labels");
}

TEST(Metrics, Text) {
  TableBackend backend("table", {{1, 0}, {0, 1}});
  const std::vector<uint8_t> images{0, 1, 1};
  const std::vector<int32_t> labels{0, 1, 0};
  const Metrics metrics = evaluate(backend, {images, labels});
  const std::vector<std::string> names{"cat", "dog"};
  EXPECT_THAT(to_text(metrics, names), HasSubstr("table: 3 images, top-1 66.67 %, top-5 100.00 %, loss 0."));
  EXPECT_THAT(to_text(metrics, names), ::testing::ContainsRegex("0 cat +1 +1 +50.00\n 1 dog +0 +1 +100.00\n"));
  EXPECT_ERROR(to_text(metrics, std::vector<std::string>{"cat"}), "1 class names for 2");
}

TEST(Metrics, TextOfManyClassesNamesTheMostFrequentConfusions) {
  std::vector<float> row(30, 0.0f);
  row[7] = 1;
  TableBackend backend("table", {row});
  const std::vector<uint8_t> images{0, 0, 0};
  const std::vector<int32_t> labels{3, 3, 7};
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("class" + std::to_string(i));
  EXPECT_THAT(to_text(evaluate(backend, {images, labels}), names),
              ::testing::AllOf(HasSubstr("    2 class3 taken for class7\n"),
                               HasSubstr("best classes, top-1 (%):\n  100.00 class7\n    0.00 class3\n"),
                               HasSubstr("worst classes, top-1 (%):\n  100.00 class7\n    0.00 class3\n")));
}

TEST(Metrics, Json) {
  TableBackend backend("table", {{1, 0}, {0, 1}});
  const std::vector<uint8_t> images{0, 1, 1, 1};
  const std::vector<int32_t> labels{0, 1, 0, 1};
  const nlohmann::json json = evaluate(backend, {images, labels});
  EXPECT_EQ(json["backend"], "table");
  EXPECT_EQ(json["count"], 4);
  EXPECT_EQ(json["top1"], 0.75);
  EXPECT_EQ(json["confusion"], nlohmann::json::parse("[[1, 1], [0, 2]]"));
}

}  // namespace
}  // namespace odenet::eval
