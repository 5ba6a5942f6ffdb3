#include "engine/performance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "spec/zoo.h"
#include "support/expect_error.h"

namespace odenet::engine {
namespace {

constexpr Cycles kLayer32{.load = 4098, .compute = 1622542, .store = 4101};  // 16 lanes

// The paper's own arithmetic: total - layer3_2 + its accelerator, whose digits are rounded.
TEST(Performance, Table4AddsUp) {
  int rows = 0;
  for (const char* family : {"odenet", "mixed-odenet", "biased-odenet"})
    for (const int n : {20, 32, 44, 56}) {
      const PaperTimes* row = paper_times(fmt::format("{}-{}", family, n));
      ASSERT_NE(row, nullptr);
      EXPECT_NEAR(row->total - row->layer3_2 + row->fpga_layer3_2, row->fpga_total, 0.035) << row->model;
      EXPECT_NEAR(row->total / row->fpga_total, row->speedup, 0.03) << row->model;
      ++rows;
    }
  EXPECT_EQ(rows, 12);
  EXPECT_EQ(paper_times("resnet-21"), nullptr);
}

TEST(Performance, OfAModelOfThePaper) {
  const Performance p = project(make_spec("biased-odenet-20", 10), "layer3_2.0", kLayer32, 100);
  EXPECT_NEAR(p.processor_ms(), 680, 1e-9);
  EXPECT_DOUBLE_EQ(p.compute_ms, 16.22542);
  EXPECT_DOUBLE_EQ(p.transfer_ms, 0.08199);
  EXPECT_NEAR(p.accelerated_ms(), 680 - 370 + 16.22542 + 0.08199, 1e-9);
  EXPECT_NEAR(p.speedup(), 2.08, 0.005);
  for (const LayerTime& layer : p.layers)
    if (layer.name == "layer3_2") {
      EXPECT_EQ(layer.processor_ms, 370);
      EXPECT_NEAR(layer.accelerated_ms, 16.30741, 1e-9);
    } else {
      EXPECT_EQ(layer.accelerated_ms, layer.processor_ms);
    }
  EXPECT_THAT(to_text(p), ::testing::HasSubstr("2.08 times faster"));
  EXPECT_THAT(to_text(p), ::testing::HasSubstr("100 ms of 390, 1.75 times faster"));
  const nlohmann::json json = p;
  EXPECT_EQ(json["paper"]["speedup"], 1.75);
  EXPECT_EQ(json["layers"].size(), p.layers.size());
}

// What the ResNets take, spread over their multiply-adds, is what they take.
TEST(Performance, OfAnotherModelGoesByMultiplyAdds) {
  const Performance p = project(make_spec("rodenet-2-20", 10), "layer2_2.0", kLayer32, 50);
  EXPECT_EQ(p.paper, nullptr);
  EXPECT_DOUBLE_EQ(p.compute_ms, 2 * 16.22542);
  const double rate = p.layers[0].processor_ms / static_cast<double>(p.layers[0].multiply_adds);
  double all = 0;
  for (const int n : {20, 32, 44, 56})
    all += rate * static_cast<double>(mac_count(make_spec(fmt::format("resnet-{}", n), 100)));
  EXPECT_NEAR(all, 790 + 1260 + 1720 + 2170, 1e-6);
  EXPECT_THAT(to_text(p), ::testing::Not(::testing::HasSubstr("accelerator")));
  EXPECT_ERROR(project(make_spec("rodenet-2-20", 10), "layer9.0", kLayer32, 50), "no block layer9.0");
}

// Only one block of a stage is on the engine.
TEST(Performance, LeavesTheOtherBlocksOfAStage) {
  NetworkSpec spec = make_spec("rodenet-2-20", 10);
  spec.stages.back().blocks = 2;
  const std::string stage = spec.stages.back().name;
  for (const LayerTime& layer : project(spec, stage + ".1", kLayer32, 100).layers)
    if (layer.name == stage) EXPECT_NEAR(layer.accelerated_ms, layer.processor_ms / 2 + 16.30741, 1e-9);
}

}  // namespace
}  // namespace odenet::engine
