#include "eval/fixed_backend.h"

#include <gtest/gtest.h>

#include <vector>

#include "eval/compare.h"
#include "eval/stub_backend.h"
#include "fixed/quantizer.h"

namespace odenet::eval {
namespace {

using odenet::testing::random_images;
using odenet::testing::small_spec;
using odenet::testing::synthetic_checkpoint;
using testing::ReferenceBackend;

TEST(FixedBackend, ConvertsLogitsAndPointsByTheFormat) {
  const fixed::Network net = fixed::quantize(synthetic_checkpoint(small_spec(), 1));
  const auto images = random_images(net.spec, 3, 1);
  FixedBackend backend(net);
  const auto integers = fixed::Runner(net).run(images);
  std::vector<float> last;
  const auto logits = backend.logits(
      images, [&](std::string_view, std::span<const float> values) { last.assign(values.begin(), values.end()); });
  ASSERT_EQ(logits.size(), integers.size());
  for (size_t i = 0; i < logits.size(); ++i) EXPECT_EQ(logits[i] * (1 << 20), static_cast<float>(integers[i]));
  EXPECT_EQ(last, logits);
  EXPECT_EQ(backend.classes(), 5);
  EXPECT_EQ(backend.dataset(), "sample");
}

TEST(FixedBackend, IsCloseToTheFloatNetworkAtEveryPoint) {
  const SafeTensors checkpoint = synthetic_checkpoint(small_spec(), 2);
  ReferenceBackend reference(checkpoint, small_spec());
  FixedBackend fixed(fixed::quantize(checkpoint));
  const auto images = random_images(small_spec(), 20, 3);
  const std::vector<int32_t> labels(20, 0);
  const Comparison comparison = compare(reference, fixed, {images, labels}, {.batch = 8});
  EXPECT_EQ(comparison.points.size(), 15u);  // all: names and order of both backends agree
  for (const PointComparison& point : comparison.points) {
    EXPECT_GT(point.sqnr_db(), 80) << point.point;  // 20 bits after the binary point are 120 dB; sums lose some
    EXPECT_GT(point.signal, 0) << point.point;
  }
  EXPECT_EQ(comparison.disagreeing, 0);
}

}  // namespace
}  // namespace odenet::eval
