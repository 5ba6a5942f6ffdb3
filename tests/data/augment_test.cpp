#include "data/augment.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

namespace odenet::data {
namespace {

constexpr int kSize = 32;
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
                                           Placement{-4, 3, true}, Placement{-1, 4, false}));

TEST(RandomPlacement, DependsOnSeedEpochAndImageAlone) {
  EXPECT_EQ(random_placement(1, 2, 3), random_placement(1, 2, 3));
  int same_seed = 0, same_epoch = 0, same_image = 0;
  for (uint64_t i = 0; i < 1'000; ++i) {
    same_seed += random_placement(1, 2, i) == random_placement(2, 2, i);
    same_epoch += random_placement(1, 2, i) == random_placement(1, 3, i);
    same_image += random_placement(1, 2, i) == random_placement(1, 2, i + 1);
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
    const Placement placement = random_placement(7, 1, static_cast<uint64_t>(i));
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

}  // namespace
}  // namespace odenet::data
