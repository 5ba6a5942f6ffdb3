#include "eval/rtl_backend.h"

#include <gtest/gtest.h>

#include <map>

#include "eval/compare.h"
#include "support/engine_network.h"
#include "support/expect_error.h"

namespace odenet::eval {
namespace {

using odenet::testing::engine_network;
using odenet::testing::random_images;

TEST(RtlBackend, AgreesWithFixedInEveryBit) {
  SKIP_WITHOUT("verilator");
  SKIP_WITHOUT("make");
  const fixed::Network net = engine_network();
  const auto images = random_images(net.spec, 4, 3);
  const std::vector<int32_t> labels{0, 1, 2, 3};
  FixedBackend fixed(net);
  RtlBackend rtl(net, "layer2_2", 16);
  EXPECT_EQ(rtl.name(), "rtl");
  EXPECT_EQ(rtl.runner().run(images), fixed.runner().run(images));  // as integers

  const Comparison comparison = compare(fixed, rtl, {images, labels}, {.batch = 3});
  EXPECT_EQ(comparison.differing_logits, 0);
  EXPECT_EQ(comparison.points.size(), 10u);  // of the simulated block only its output
  for (const PointComparison& point : comparison.points) EXPECT_EQ(point.noise, 0) << point.point;
  ASSERT_EQ(comparison.second.counts.size(), 2u);
  EXPECT_EQ(comparison.second.counts[0], comparison.first.counts[0]) << "saturations";
  EXPECT_EQ(comparison.second.counts[1].second, static_cast<double>(engine::cycles(rtl.program()).compute));
  ASSERT_EQ(rtl.counters().size(), 8u);
  for (const engine::ImageCounters& image : rtl.counters())
    EXPECT_EQ(image.compute_cycles, engine::cycles(rtl.program()).compute);
}

TEST(RtlBackend, RefusesLayersWithoutAnEngine) {
  EXPECT_ERROR(RtlBackend(engine_network(), "layer1.0", 64), "layer1.0", "4 channels");
  EXPECT_ERROR(RtlBackend(engine_network(), "layer7", 16), "unknown layer 'layer7'");
}

}  // namespace
}  // namespace odenet::eval
