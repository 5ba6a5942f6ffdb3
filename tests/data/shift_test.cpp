#include "data/shift.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>

#include "data/sample.h"

namespace odenet::data {
namespace {

Dataset grey(int value, size_t images = 2) {
  Dataset dataset{.name = "grey", .classes = 1};
  dataset.labels.assign(images, 0);
  dataset.images.assign(images * dataset.image_size(), static_cast<uint8_t>(value));
  return dataset;
}

double mean(std::span<const uint8_t> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Shift, ReducesTheContrastAndRaisesEachChannel) {
  const Dataset black = shifted(grey(0), 1), white = shifted(grey(255), 1);
  for (size_t c = 0; c < 3; ++c) {
    const auto channel = [&](const Dataset& d) { return mean(d.image(0).subspan(c * 1024, 1024)); };
    // 1,024 values with a standard deviation of 7: their mean is within 1 of its expectation, four standard errors.
    EXPECT_NEAR(channel(black), (std::array{120.0, 90.0, 60.0})[c], 1);
    EXPECT_NEAR(channel(white) - channel(black), 255 * 96.0 / 256, 2);
  }
}

TEST(Shift, BlursOverThreeByThreePixels) {
  Dataset dot = grey(0, 1);
  dot.images[10 * 32 + 20] = 255;
  const Dataset with = shifted(dot, 1), without = shifted(grey(0, 1), 1);  // the same noise
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x) {
      const size_t p = static_cast<size_t>(y * 32 + x);
      const int dy = std::abs(y - 10), dx = std::abs(x - 20);
      const int parts = dy > 1 || dx > 1 ? 0 : (2 - dy) * (2 - dx);  // of 16
      EXPECT_EQ(with.image(0)[p] - without.image(0)[p], (255 * parts * 96 + 2048) / 4096) << y << " " << x;
    }
}

TEST(Shift, NoiseIsOfTheImageAndTheStream) {
  const Dataset a = shifted(grey(100), 1), b = shifted(grey(100), 1), c = shifted(grey(100), 2);
  EXPECT_EQ(a.images, b.images);
  EXPECT_NE(a.images, c.images);
  EXPECT_FALSE(std::ranges::equal(a.image(0), a.image(1)));
}

TEST(Shift, OfTheSampleHasTheSameBytesOnEveryMachine) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const Dataset test = load("sample-shifted", "test", "");
  for (const uint8_t byte : test.images) hash = (hash ^ byte) * 0x100000001b3;
  EXPECT_EQ(hash, 0x38839901bfa58ec8u);
  const Dataset sample = make_sample("test");
  EXPECT_EQ(test.labels, sample.labels);
  EXPECT_EQ(test.class_names, sample.class_names);
}

TEST(Shift, NormalizationOfTheSampleIsThatOfItsTrainingImages) {
  const Dataset train = load("sample-shifted", "train", "");
  const Normalization& normalization = find_dataset("sample-shifted").normalization;
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < train.size(); ++i)
      for (const uint8_t value : train.image(i).subspan(c * 1024, 1024)) {
        sum += value / 255.0;
        squares += (value / 255.0) * (value / 255.0);
      }
    const double count = 1024.0 * static_cast<double>(train.size()), average = sum / count;
    EXPECT_NEAR(normalization.mean[c], average, 1e-4);  // the table has four digits
    EXPECT_NEAR(normalization.std[c], std::sqrt(squares / count - average * average), 1e-4);
  }
}

}  // namespace
}  // namespace odenet::data
