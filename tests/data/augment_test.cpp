#include "data/augment.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

constexpr int kSize = 32;
constexpr Augmentation kCropAndFlip{.crop_padding = 4, .flip = true};
const PixelTable kTable = pixel_table({{0.5f, 0.5f, 0.5f}, {0.5f, 0.25f, 0.125f}});

// Each pixel tells its place: channel 0 the row, channel 1 the column; never the mean colour.
std::vector<uint8_t> coordinates() {
  std::vector<uint8_t> image(3 * kSize * kSize, 200);
  for (int i = 0; i < kSize * kSize; ++i) {
    image[static_cast<size_t>(i)] = static_cast<uint8_t>(i / kSize);
    image[static_cast<size_t>(kSize * kSize + i)] = static_cast<uint8_t>(i % kSize);
  }
  return image;
}

class PlaceImage : public ::testing::TestWithParam<Placement> {};

TEST_P(PlaceImage, ShiftsFlipsAndPadsWithTheMean) {
  const Placement placement = GetParam();
  std::vector<float> output(3 * kSize * kSize, 99.f);
  place_image(coordinates(), kSize, kSize, kTable, placement, output);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const int from_y = y + placement.shift_y, from_x = (placement.flip ? kSize - 1 - x : x) + placement.shift_x;
      const bool inside = from_y >= 0 && from_y < kSize && from_x >= 0 && from_x < kSize;
      const size_t at = 3 * static_cast<size_t>(y * kSize + x);
      const std::array<float, 3> expected = inside ? std::array{kTable[0][static_cast<size_t>(from_y)],
                                                                kTable[1][static_cast<size_t>(from_x)], kTable[2][200]}
                                                   : std::array{0.f, 0.f, 0.f};
      ASSERT_EQ((std::array{output[at], output[at + 1], output[at + 2]}), expected) << "at " << y << ", " << x;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Placements, PlaceImage,
                         ::testing::Values(Placement{}, Placement{0, 0, true}, Placement{4, -4, false},
                                           Placement{-4, 3, true}, Placement{-1, 4, false}, Placement{40, 0, false},
                                           Placement{0, -40, true}));

TEST(PlaceImage, CutsOut) {
  std::vector<float> plain(3 * kSize * kSize), cut = plain;
  place_image(coordinates(), kSize, kSize, kTable, {3, -2, true, {}}, plain);
  place_image(coordinates(), kSize, kSize, kTable, {3, -2, true, {5, 20, 9, 32}}, cut);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const size_t at = 3 * static_cast<size_t>(y * kSize + x);
      for (size_t c = 0; c < 3; ++c)
        ASSERT_EQ(cut[at + c], y >= 5 && y < 9 && x >= 20 ? 0.f : plain[at + c]) << "at " << y << ", " << x;
    }
  }
}

TEST(RandomPlacement, DependsOnSeedEpochAndImageAlone) {
  EXPECT_EQ(random_placement(kCropAndFlip, 1, 2, 3), random_placement(kCropAndFlip, 1, 2, 3));
  int same_seed = 0, same_epoch = 0, same_image = 0;
  for (uint64_t i = 0; i < 1'000; ++i) {
    same_seed += random_placement(kCropAndFlip, 1, 2, i) == random_placement(kCropAndFlip, 2, 2, i);
    same_epoch += random_placement(kCropAndFlip, 1, 2, i) == random_placement(kCropAndFlip, 1, 3, i);
    same_image += random_placement(kCropAndFlip, 1, 2, i) == random_placement(kCropAndFlip, 1, 2, i + 1);
  }
  // Chance agreement: 1 in 9 * 9 * 2.
  EXPECT_LT(same_seed, 30);
  EXPECT_LT(same_epoch, 30);
  EXPECT_LT(same_image, 30);
}

TEST(RandomPlacement, IsUniform) {
  std::map<int, int> rows, columns;
  int flips = 0;
  constexpr int kDraws = 90'000;
  for (int i = 0; i < kDraws; ++i) {
    const Placement placement = random_placement(kCropAndFlip, 7, 1, static_cast<uint64_t>(i));
    ++rows[placement.shift_y];
    ++columns[placement.shift_x];
    flips += placement.flip;
  }
  EXPECT_NEAR(flips, kDraws / 2, 900);  // six standard deviations
  for (const auto& counts : {rows, columns}) {
    ASSERT_EQ(counts.size(), 9u);
    EXPECT_EQ(counts.begin()->first, -4);
    for (const auto& [shift, count] : counts) EXPECT_NEAR(count, kDraws / 9, 570) << shift;
  }
}

TEST(RandomPlacement, NothingIsSwitchedOnByItself) {
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(random_placement({}, 7, 1, i), Placement{});
}

TEST(RandomPlacement, KindsOfAugmentationDoNotDisturbEachOther) {
  Augmentation with_cutout = kCropAndFlip;
  with_cutout.cutout = 16;
  for (uint64_t i = 0; i < 100; ++i) {
    const Placement cut = random_placement(with_cutout, 7, 1, i);
    const Placement plain = random_placement(kCropAndFlip, 7, 1, i),
                    crop = random_placement({.crop_padding = 4}, 7, 1, i);
    EXPECT_EQ(random_placement({.cutout = 16}, 7, 1, i).cutout, cut.cutout);
    EXPECT_EQ((Placement{cut.shift_y, cut.shift_x, cut.flip, {}}), plain);
    EXPECT_EQ((Placement{plain.shift_y, plain.shift_x, false, {}}), crop);
  }
}

TEST(RandomPlacement, CutoutIsAClippedSquareAroundAnyPixel) {
  constexpr int kSide = 7;
  std::map<int, int> covered;  // how often row y is cut
  std::map<int, int> heights;
  constexpr int kDraws = 32'000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const Box box = random_placement({.cutout = kSide}, 3, 0, i).cutout;
    ASSERT_TRUE(box.top >= 0 && box.bottom <= kSize && box.left >= 0 && box.right <= kSize);
    ++heights[box.bottom - box.top];
    for (int y = box.top; y < box.bottom; ++y) ++covered[y];
  }
  // A centre in the three outermost rows of either side clips the square to 4, 5 or 6 rows: 2 of 32 centres each.
  ASSERT_EQ(heights.size(), 4u);
  EXPECT_EQ(heights.begin()->first, 4);
  for (const int height : {4, 5, 6}) EXPECT_NEAR(heights[height], kDraws / 16, 260);  // six standard deviations
  EXPECT_NEAR(covered[16], kDraws * kSide / kSize, 450);
  EXPECT_NEAR(covered[0], kDraws * 4 / kSize, 360);
}

TEST(RandomMixup, FollowsTheBetaDistribution) {
  // Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)).
  for (const double alpha : {0.01, 0.2, 1.0, 3.0}) {
    constexpr int kDraws = 40'000;
    double sum = 0, squares = 0;
    for (uint64_t batch = 0; batch < kDraws; ++batch) {
      const Mixup mixup = random_mixup(alpha, 5, 2, batch, 128);
      ASSERT_TRUE(mixup.lambda >= 0 && mixup.lambda <= 1);
      sum += mixup.lambda;
      squares += (mixup.lambda - 0.5) * (mixup.lambda - 0.5);
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 6 * 0.5 / std::sqrt(kDraws)) << alpha;
    EXPECT_NEAR(squares / kDraws, 0.25 / (2 * alpha + 1), 6 * 0.25 / std::sqrt(kDraws)) << alpha;
  }
}

TEST(RandomMixup, PartnerIsAnyOtherImage) {
  std::map<size_t, int> offsets;
  for (uint64_t batch = 0; batch < 9'000; ++batch) ++offsets[random_mixup(1, 5, 2, batch, 10).offset];
  ASSERT_EQ(offsets.size(), 9u);
  EXPECT_EQ(offsets.begin()->first, 1u);
  for (const auto& [offset, count] : offsets) EXPECT_NEAR(count, 1'000, 180) << offset;
}

TEST(RandomMixup, NoneWithoutAlphaOrPartner) {
  for (const Mixup& mixup : {random_mixup(0, 5, 2, 1, 128), random_mixup(0.2, 5, 2, 1, 1)}) {
    EXPECT_EQ(mixup.lambda, 1.f);
    EXPECT_EQ(mixup.offset, 0u);
  }
}

TEST(Augmentation, ValuesOutOfRangeAreErrors) {
  EXPECT_NO_THROW(validate({4, true, 32, 1.0}, 32, 32));
  EXPECT_ERROR(validate({.crop_padding = -1}, 32, 32), "crop padding of -1", "0 to 31");
  EXPECT_ERROR(validate({.crop_padding = 32}, 32, 32), "crop padding of 32");
  EXPECT_ERROR(validate({.cutout = 33}, 32, 32), "cutout of 33", "0 (none) to 32");
  EXPECT_ERROR(validate({.cutout = -2}, 32, 32), "cutout of -2");
  EXPECT_ERROR(validate({.mixup_alpha = -0.1}, 32, 32), "mixup alpha -0.1");
  EXPECT_ERROR(validate({.mixup_alpha = std::numeric_limits<double>::quiet_NaN()}, 32, 32), "mixup alpha nan");
}

}  // namespace
}  // namespace odenet::data
