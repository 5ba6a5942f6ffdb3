#include "data/preview.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

// Image i is of class i mod 3 and of one colour: red 60 * class, green 20 + i.
Dataset colours() {
  Dataset dataset{.name = "colours", .classes = 3, .class_names = {"a", "bb", "c"}};
  for (int i = 0; i < 12; ++i) {
    dataset.labels.push_back(i % 3);
    dataset.images.insert(dataset.images.end(), 1024, static_cast<uint8_t>(60 * (i % 3)));
    dataset.images.insert(dataset.images.end(), 1024, static_cast<uint8_t>(20 + i));
    dataset.images.insert(dataset.images.end(), 1024, 9);
  }
  return dataset;
}

size_t count(const Picture& picture, Colour colour) {
  size_t found = 0;
  for (size_t at = 0; at < picture.pixels.size(); at += 3)
    found += std::equal(colour.begin(), colour.end(), picture.pixels.begin() + static_cast<std::ptrdiff_t>(at));
  return found;
}

const Normalization kNormalization{{0.4f, 0.5f, 0.6f}, {0.2f, 0.3f, 0.1f}};

TEST(Preview, ShowsTheFirstImagesOfEachClass) {
  const Picture sheet = preview(colours(), {.count = 2, .normalization = kNormalization, .title = "t"});
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(count(sheet, {static_cast<uint8_t>(60 * (i % 3)), static_cast<uint8_t>(20 + i), 9}),
              i < 6 ? 64u * 64u : 0u)
        << i;
  EXPECT_GT(count(sheet, {0, 0, 0}), 50u);  // names and title
}

TEST(Preview, ShowsWhatTrainingSees) {
  const Picture sheet =
      preview(colours(), {.count = 1, .augment = {.cutout = 32}, .normalization = kNormalization, .seed = 1});
  // Cut out is the mean colour, 0.4, 0.5, 0.6 of 255; the rest of the three images is as it was.
  const size_t cut = count(sheet, {102, 128, 153});
  EXPECT_GT(cut, 3u * 64u * 64u / 4u);
  size_t rest = 0;
  for (uint8_t i = 0; i < 3; ++i) rest += count(sheet, {static_cast<uint8_t>(60 * i), static_cast<uint8_t>(20 + i), 9});
  EXPECT_EQ(cut + rest, 3u * 64u * 64u);
}

TEST(Preview, SmallSetsAndBadOptions) {
  Dataset dataset = colours();
  dataset.truncate(1);
  EXPECT_EQ(count(preview(dataset, {.normalization = kNormalization}), {0, 20, 9}), 64u * 64u);
  EXPECT_ERROR(preview(dataset, {.count = 0}), "0 images");
  EXPECT_ERROR(preview(dataset, {.count = kMostPreviewed}), "fewer images");
  for (const int count : {kMostPreviewed + 1, std::numeric_limits<int>::max()})
    EXPECT_ERROR(preview(dataset, {.count = count}), "expected 1 to 1000");
  EXPECT_ERROR(preview(Dataset{.name = "none", .classes = 2}, {}), "none has no images");
}

}  // namespace
}  // namespace odenet::data
