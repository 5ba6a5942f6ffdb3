#include "data/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

TEST(ResizeBilinear, SameSizeIsTheSameImage) {
  std::vector<uint8_t> image;
  for (int i = 0; i < 35; ++i) image.push_back(static_cast<uint8_t>(i * 73));
  EXPECT_EQ(resize_bilinear(image, 5, 7, 5, 7), image);
}

// Known from torch.nn.functional.interpolate(mode="bilinear", align_corners=False): the first and last output lie
// outside the input centres and are held.
TEST(ResizeBilinear, DoublesARow) {
  EXPECT_EQ(resize_bilinear(std::vector<uint8_t>{0, 100}, 1, 2, 1, 4), (std::vector<uint8_t>{0, 25, 75, 100}));
  EXPECT_EQ(resize_bilinear(std::vector<uint8_t>{0, 100}, 2, 1, 4, 1), (std::vector<uint8_t>{0, 25, 75, 100}));
}

TEST(ResizeBilinear, RoundsHalfUp) {
  EXPECT_EQ(resize_bilinear(std::vector<uint8_t>{0, 2}, 1, 2, 1, 4), (std::vector<uint8_t>{0, 1, 2, 2}));  // 0.5, 1.5
}

TEST(ResizeBilinear, AgreesWithTheFormulaInDoubles) {
  for (const int side : {16, 28}) {
    std::vector<uint8_t> image;
    for (int i = 0; i < side * side; ++i) image.push_back(static_cast<uint8_t>(i * i * 31 + i * 7));
    const auto resized = resize_bilinear(image, side, side, 32, 32);
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        const auto place = [&](int i) { return std::clamp((i + 0.5) * side / 32 - 0.5, 0.0, side - 1.0); };
        const int y0 = static_cast<int>(place(y)), x0 = static_cast<int>(place(x));
        const double wy = place(y) - y0, wx = place(x) - x0;
        const auto at = [&](int row, int column) {
          return double{1.0 * image[static_cast<size_t>(std::min(row, side - 1) * side + std::min(column, side - 1))]};
        };
        const double value = (1 - wy) * ((1 - wx) * at(y0, x0) + wx * at(y0, x0 + 1)) +
                             wy * ((1 - wx) * at(y0 + 1, x0) + wx * at(y0 + 1, x0 + 1));
        // Weights are multiples of 1/64 here, so the doubles are exact and so is the rounding.
        ASSERT_EQ(resized[static_cast<size_t>(y * 32 + x)], static_cast<uint8_t>(std::floor(value + 0.5)));
      }
    }
  }
}

TEST(ResizeBilinear, WrongSizesAreErrors) {
  EXPECT_ERROR(resize_bilinear(std::vector<uint8_t>(5), 2, 3, 4, 4), "5 bytes", "2 x 3");
  EXPECT_ERROR(resize_bilinear({}, 0, 3, 4, 4), "0 pixels");
  EXPECT_ERROR(resize_bilinear(std::vector<uint8_t>(6), 2, 3, 4, 5000), "5000 pixels");
}

}  // namespace
}  // namespace odenet::data
