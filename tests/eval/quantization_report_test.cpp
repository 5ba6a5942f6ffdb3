#include "eval/quantization_report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "eval/fixed_backend.h"
#include "eval/stub_backend.h"
#include "fixed/accumulator_proof.h"
#include "fixed/quantizer.h"

namespace odenet::eval {
namespace {

using odenet::testing::random_images;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;

class QuantizationReportTest : public ::testing::Test {
 protected:
  QuantizationReport report(fixed::Network net) {
    testing::ReferenceBackend reference(checkpoint_, small_spec());
    FixedBackend fixed(std::move(net));
    const auto images = random_images(small_spec(), 10, 3);
    const std::vector<int32_t> labels(10, 0);
    const Comparison comparison = compare(reference, fixed, {images, labels});
    return quantization_report(fixed.runner(), comparison);
  }

  const SafeTensors checkpoint_ = synthetic_checkpoint(small_spec(), 2);
  fixed::Network net_ = fixed::quantize(checkpoint_);
};

TEST_F(QuantizationReportTest, HasEveryLayerAndPoint) {
  const QuantizationReport r = report(net_);
  std::vector<std::string> layers;
  for (const LayerReport& layer : r.layers) layers.push_back(layer.layer);
  ASSERT_EQ(layers.size(), 2 + 4 * 5 + 1u);
  EXPECT_EQ(layers[2], "layer1.0.conv1");
  EXPECT_EQ(layers[5], "layer1.0.norm2");
  EXPECT_EQ(layers[6], "layer1.0.sum");
  EXPECT_EQ(layers.back(), "fc");
  EXPECT_EQ(r.points.size(), 15u);
  EXPECT_EQ(r.images, 10);
  EXPECT_EQ(r.saturations, 0);
}

TEST_F(QuantizationReportTest, MeasuresWeights) {
  auto& weights = net_.blocks[0].conv1.weight;
  for (int32_t& weight : weights) weight = 1 << 18;  // a quarter
  weights[3] = -(1 << 20);
  const LayerReport layer = report(net_).layers[2];
  EXPECT_EQ(layer.low, -1);
  EXPECT_EQ(layer.high, 0.25);
  EXPECT_EQ(layer.bits, 21);
  EXPECT_EQ(layer.format.width, 25);
  EXPECT_EQ(layer.weight_sum, 35 * 0.25 + 1);
  EXPECT_NEAR(layer.weight_sum_bound, 1024.008, 1e-3);
}

TEST_F(QuantizationReportTest, MeasuresActivationsAndSaturations) {
  for (int32_t& shift : net_.blocks[3].norm2.shift) shift = INT32_MAX;
  const QuantizationReport r = report(net_);
  const auto find = [&](const std::string& name) {
    for (const LayerReport& layer : r.layers)
      if (layer.layer == name) return layer.saturations;
    return int64_t{-1};
  };
  EXPECT_GT(find("layer2_2.0.sum"), 0);
  EXPECT_GT(find("layer2_2.0.norm2"), 0);
  EXPECT_EQ(find("layer1.0.sum"), 0);
  EXPECT_GE(r.saturations, find("layer2_2.0.sum") + find("layer2_2.0.norm2"));
  EXPECT_EQ(r.points[12].comparison.point, "layer2_2.0[2]");
  EXPECT_GE(r.points[12].bits, 32);
  EXPECT_LT(r.points[0].bits, 28);
}

TEST_F(QuantizationReportTest, RendersTextAndJson) {
  const QuantizationReport r = report(net_);
  EXPECT_THAT(to_text(r), ::testing::HasSubstr("activations Q20 in 32 bits, weights Q20 in 25 bits"));
  EXPECT_THAT(to_text(r), ::testing::ContainsRegex("layer2_2.0.conv2 .* of 25 .* 1024.008 +21.3 +0\n"));
  EXPECT_THAT(to_text(r), ::testing::HasSubstr("0 saturations over 10 images"));
  const nlohmann::json json = r;
  EXPECT_EQ(json["layers"].size(), r.layers.size());
  EXPECT_EQ(json["layers"][2]["format"]["width"], 25);
  EXPECT_EQ(json["points"][0]["point"], "conv1");
  EXPECT_GT(json["points"][0]["sqnr_db"], 80);
  EXPECT_EQ(json["saturations"], 0);
  EXPECT_EQ(json["disagreeing"], 0);
  EXPECT_EQ(json["points"][0]["format"]["width"], 32);
  EXPECT_EQ(json["points"][0]["memory_bits"], 4 * 8 * 8 * 32);
  // 8 x 8 x 3 x 3 weights, and time biases for 3 executions, 8 channels and 9 classes
  EXPECT_EQ(json["layers"][19]["layer"], "layer2_2.0.conv2");
  EXPECT_EQ(json["layers"][19]["memory_bits"], 576 * 25 + 216 * 32);
}

TEST_F(QuantizationReportTest, ShowsTheFormatsThatLayersHave) {
  const fixed::Formats formats{.activation = {16, 9},
                               .weight = {12, 6},
                               .sum = fixed::kWideSum,
                               .activations = {{"layer1", {16, 10}}},
                               .weights = {{"layer1.0.conv1", {12, 10}}}};
  const QuantizationReport r = report(fixed::quantize(checkpoint_, {.formats = formats}));
  EXPECT_THAT(to_text(r), ::testing::HasSubstr("activations in 16 bits, each in a format of its own, weights in 12"));
  EXPECT_THAT(to_text(r), ::testing::ContainsRegex("layer1.0.conv1 .* of 12  12.10 "));
  EXPECT_THAT(to_text(r), ::testing::ContainsRegex("fc .* of 12   12.6 "));
  EXPECT_EQ(nlohmann::json(r)["layers"][2]["format"]["fraction"], 10);
}

TEST_F(QuantizationReportTest, NoNumberNeedsMoreBitsThanItHas) {
  for (int32_t& shift : net_.blocks[3].norm2.shift) shift = INT32_MAX;  // float32 rounds it up to 2^31
  for (const PointReport& point : report(net_).points)
    EXPECT_LE(point.bits, point.format.width) << point.comparison.point;
}

}  // namespace
}  // namespace odenet::eval
