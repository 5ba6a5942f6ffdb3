#include "data/normalize.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

const Normalization kNormalization{{0.5f, 0.25f, 0.f}, {0.5f, 0.25f, 2.f}};

TEST(Normalize, MapsBytesToUnits) {
  EXPECT_EQ(kNormalization.apply(0, 0), -1.f);
  EXPECT_EQ(kNormalization.apply(0, 255), 1.f);
  EXPECT_EQ(kNormalization.apply(1, 255), 3.f);
  EXPECT_EQ(kNormalization.apply(2, 255), 0.5f);
}

TEST(Normalize, TurnsPlanesIntoPixels) {
  // Two images of 2 x 1 pixels, [2, 3, 2, 1].
  const std::vector<uint8_t> images{0, 255, 51, 102, 10, 20, 1, 2, 3, 4, 5, 6};
  const std::vector<float> pixels = normalize(images, 2, 1, kNormalization);
  ASSERT_EQ(pixels.size(), images.size());
  size_t at = 0;
  for (size_t image = 0; image < 2; ++image) {
    for (size_t y = 0; y < 2; ++y) {
      for (size_t c = 0; c < 3; ++c)
        EXPECT_EQ(pixels[at++], kNormalization.apply(static_cast<int>(c), images[image * 6 + c * 2 + y]));
    }
  }
}

TEST(Normalize, PartOfAnImageIsAnError) {
  EXPECT_ERROR(normalize(std::vector<uint8_t>(13), 2, 1, kNormalization), "13 bytes", "3x2x1");
}

}  // namespace
}  // namespace odenet::data
