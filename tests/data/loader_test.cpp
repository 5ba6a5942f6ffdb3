#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "data/augment.h"
#include "support/expect_error.h"

namespace odenet::data {
namespace {

const Normalization kNormalization{{0.5f, 0.4f, 0.3f}, {0.25f, 0.2f, 0.3f}};

// 50 images; the label is the number of the image.
Dataset numbered() {
  Dataset dataset{.name = "numbered", .classes = 50};
  for (int i = 0; i < 50; ++i) {
    dataset.labels.push_back(i);
    for (int p = 0; p < 3072; ++p) dataset.images.push_back(static_cast<uint8_t>((i * 31 + p) % 256));
  }
  return dataset;
}

std::vector<Batch> epoch(Loader& loader, uint64_t number) {
  std::vector<Batch> batches;
  loader.start_epoch(number);
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

std::vector<int64_t> labels_of(const std::vector<Batch>& batches) {
  std::vector<int64_t> labels;
  for (const Batch& batch : batches) labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  return labels;
}

TEST(Loader, PlainOrderIsNormalize) {
  const Dataset dataset = numbered();
  Loader loader(dataset, {.batch = 16, .normalization = kNormalization});
  const auto batches = epoch(loader, 0);
  ASSERT_EQ(batches.size(), 4u);
  EXPECT_EQ(loader.batches(), 4u);
  EXPECT_EQ(batches.back().size, 2u);
  const std::vector<float> expected = normalize(dataset.images, 32, 32, kNormalization);
  std::vector<float> pixels;
  for (const Batch& batch : batches) {
    EXPECT_EQ(batch.labels.size(), batch.size);
    pixels.insert(pixels.end(), batch.pixels.begin(), batch.pixels.end());
  }
  EXPECT_EQ(pixels, expected);
  std::vector<int64_t> labels(50);
  std::iota(labels.begin(), labels.end(), 0);
  EXPECT_EQ(labels_of(batches), labels);
  EXPECT_FALSE(loader.next());  // stays at the end
}

TEST(Loader, DropLastLeavesOutWhatIsNotFull) {
  const Dataset dataset = numbered();
  Loader loader(dataset, {.batch = 16, .drop_last = true});
  EXPECT_EQ(loader.batches(), 3u);
  EXPECT_EQ(labels_of(epoch(loader, 0)).size(), 48u);
}

TEST(Loader, NothingBeforeTheFirstEpoch) {
  const Dataset dataset = numbered();
  Loader loader(dataset, {});
  EXPECT_FALSE(loader.next());
}

TEST(Loader, ShufflesByEpochAndSeed) {
  const Dataset dataset = numbered();
  Loader loader(dataset, {.batch = 16, .shuffle = true, .seed = 5});
  const auto first = labels_of(epoch(loader, 0)), second = labels_of(epoch(loader, 1));
  EXPECT_NE(first, second);
  EXPECT_EQ(labels_of(epoch(loader, 0)), first);
  Loader other(dataset, {.batch = 16, .shuffle = true, .seed = 6});
  EXPECT_NE(labels_of(epoch(other, 0)), first);
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> all(50);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
}

TEST(Loader, AugmentsByImageNotByPlaceInTheBatch) {
  const Dataset dataset = numbered();
  const PixelTable table = pixel_table(kNormalization);
  Loader loader(dataset, {.batch = 7, .shuffle = true, .augment = true, .seed = 9, .normalization = kNormalization});
  for (const Batch& batch : epoch(loader, 3)) {
    for (size_t i = 0; i < batch.size; ++i) {
      const auto image = static_cast<size_t>(batch.labels[i]);
      std::vector<float> expected(3072);
      place_image(dataset.image(image), 32, 32, table, random_placement(9, 3, image), expected);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), batch.pixels.begin() + static_cast<long>(i * 3072)));
    }
  }
}

TEST(Loader, ThreadsAndPrefetchingDoNotChangeTheBatches) {
  const Dataset dataset = numbered();
  LoaderOptions options{.batch = 3, .shuffle = true, .augment = true, .seed = 2, .normalization = kNormalization};
  Loader single(dataset, options);
  options.threads = 5;
  options.prefetch = 9;
  Loader many(dataset, options);
  for (uint64_t e = 0; e < 5; ++e) {
    const auto expected = epoch(single, e), found = epoch(many, e);
    ASSERT_EQ(expected.size(), found.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(expected[i].labels, found[i].labels);
      EXPECT_EQ(expected[i].pixels, found[i].pixels);
    }
  }
}

TEST(Loader, AnEpochMayBeginBeforeTheLastOneEnded) {
  const Dataset dataset = numbered();
  Loader loader(dataset, {.batch = 4, .shuffle = true, .seed = 1, .threads = 3});
  const auto expected = labels_of(epoch(loader, 1));
  for (int taken = 0; taken < 5; ++taken) {
    loader.start_epoch(0);
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(loader.next());
    EXPECT_EQ(labels_of(epoch(loader, 1)), expected);
  }
}

TEST(Loader, ExceptionsOfTheThreadComeOutOfNext) {
  Dataset dataset = numbered();
  dataset.images.resize(20 * 3072);  // labels without pixels from image 20 on
  Loader loader(dataset, {.batch = 10, .threads = 2});
  loader.start_epoch(0);
  const auto read_all = [&] {
    while (loader.next()) continue;
  };
  EXPECT_ERROR(read_all(), "data set numbered", "50 labels");
}

TEST(Loader, ImpossibleOptionsAreErrors) {
  const Dataset dataset = numbered(), empty{.name = "empty", .classes = 2};
  EXPECT_ERROR(Loader(dataset, {.batch = 0}), "batch size 0");
  EXPECT_ERROR(Loader(dataset, {.prefetch = 0}), "0 batches of prefetching");
  EXPECT_ERROR(Loader(dataset, {.threads = 0}), "0 threads");
  EXPECT_ERROR(Loader(dataset, {.batch = 51, .drop_last = true}), "50 images", "batch of 51");
  EXPECT_ERROR(Loader(empty, {}), "0 images");
}

}  // namespace
}  // namespace odenet::data
