#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "data/augment.h"
#include "support/expect_error.h"

namespace odenet::data {
namespace {

constexpr Augmentation kCropAndFlip{.crop_padding = 4, .flip = true};
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
  Loader loader(dataset,
                {.batch = 7, .shuffle = true, .augment = kCropAndFlip, .seed = 9, .normalization = kNormalization});
  for (const Batch& batch : epoch(loader, 3)) {
    for (size_t i = 0; i < batch.size; ++i) {
      const auto image = static_cast<size_t>(batch.labels[i]);
      std::vector<float> expected(3072);
      place_image(dataset.image(image), 32, 32, table, random_placement(kCropAndFlip, 9, 3, image), expected);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), batch.pixels.begin() + static_cast<long>(i * 3072)));
    }
  }
}

// Random streams must not change: who repeats a run of an older version gets the same batches.
TEST(Loader, AugmentedBytesAreFixed) {
  const Dataset dataset = load("sample", "test", "");
  Loader loader(
      dataset,
      {.shuffle = true, .augment = kCropAndFlip, .seed = 9, .normalization = find_dataset("sample").normalization});
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a of the pixels' bytes and the labels
  for (const Batch& batch : epoch(loader, 3)) {
    for (const std::byte byte : std::as_bytes(std::span(batch.pixels)))
      hash = (hash ^ std::to_integer<uint64_t>(byte)) * 0x100000001b3;
    for (const int64_t label : batch.labels) hash = (hash ^ static_cast<uint64_t>(label)) * 0x100000001b3;
  }
  EXPECT_EQ(hash, 0x44226996332ff014u);
}

TEST(Loader, MixesWithAnotherImageOfTheBatch) {
  const Dataset dataset = numbered();
  LoaderOptions options{
      .batch = 16, .shuffle = true, .augment = kCropAndFlip, .seed = 4, .normalization = kNormalization};
  Loader plain(dataset, options);
  options.augment.mixup_alpha = 0.4;
  Loader mixing(dataset, options);
  const auto parts = epoch(plain, 2), mixed = epoch(mixing, 2);
  ASSERT_EQ(parts.size(), mixed.size());
  for (size_t b = 0; b < parts.size(); ++b) {
    const Batch &part = parts[b], &batch = mixed[b];
    EXPECT_EQ(part.lambda, 1.f);
    EXPECT_TRUE(part.mixed_labels.empty());
    const Mixup mixup = random_mixup(0.4, 4, 2, b, part.size);
    EXPECT_EQ(batch.lambda, mixup.lambda);
    EXPECT_EQ(batch.labels, part.labels);
    ASSERT_EQ(batch.mixed_labels.size(), part.size);
    for (size_t i = 0; i < part.size; ++i) {
      const size_t other = (i + mixup.offset) % part.size;
      EXPECT_EQ(batch.mixed_labels[i], part.labels[other]);
      EXPECT_NE(batch.mixed_labels[i], batch.labels[i]);
      for (size_t p = 0; p < 3072; ++p) {
        const float a = part.pixels[i * 3072 + p], b_pixel = part.pixels[other * 3072 + p];
        // A rounding or two: the compiler may fuse multiplication and addition.
        ASSERT_NEAR(batch.pixels[i * 3072 + p], mixup.lambda * a + (1 - mixup.lambda) * b_pixel, 1e-6);
      }
    }
  }
}

TEST(Loader, AnEpochGoesOnAtAnyBatch) {
  const Dataset dataset = numbered();
  const LoaderOptions options{.batch = 7, .shuffle = true, .augment = {4, true, 8, 0.3}, .seed = 1, .threads = 2};
  Loader whole(dataset, options), resumed(dataset, options);
  const auto expected = epoch(whole, 6);
  for (size_t first = 0; first <= expected.size(); ++first) {
    resumed.start_epoch(6, first);
    for (size_t i = first; i < expected.size(); ++i) {
      const auto batch = resumed.next();
      ASSERT_TRUE(batch);
      EXPECT_EQ(batch->pixels, expected[i].pixels);
      EXPECT_EQ(batch->labels, expected[i].labels);
      EXPECT_EQ(batch->mixed_labels, expected[i].mixed_labels);
      EXPECT_EQ(batch->lambda, expected[i].lambda);
    }
    EXPECT_FALSE(resumed.next());
  }
  EXPECT_ERROR(resumed.start_epoch(6, 9), "batch 9", "8 batches");
}

// The batches of all ranks, put together, are those of one process; 50 images in batches of 12 leave a last one of 2.
TEST(Loader, RanksShareEachBatch) {
  const Dataset dataset = numbered();
  LoaderOptions options{.batch = 12, .shuffle = true, .augment = {4, true, 8, 0.3}, .seed = 3};
  Loader single(dataset, options);
  const auto expected = epoch(single, 1);
  for (const int world_size : {1, 2, 3, 5, 12}) {
    std::vector<Batch> together(expected.size());
    options.world_size = world_size;
    for (options.rank = 0; options.rank < world_size; ++options.rank) {
      Loader loader(dataset, options);
      const auto parts = epoch(loader, 1);
      ASSERT_EQ(parts.size(), expected.size());
      for (size_t b = 0; b < parts.size(); ++b) {
        const Batch& part = parts[b];
        const size_t equal = expected[b].size / static_cast<size_t>(world_size);
        EXPECT_GE(part.size, equal);
        EXPECT_LE(part.size, equal + (expected[b].size % static_cast<size_t>(world_size) != 0));
        EXPECT_EQ(part.pixels.size(), part.size * 3072);
        EXPECT_EQ(part.lambda, expected[b].lambda);
        Batch& all = together[b];
        all.pixels.insert(all.pixels.end(), part.pixels.begin(), part.pixels.end());
        all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
        all.mixed_labels.insert(all.mixed_labels.end(), part.mixed_labels.begin(), part.mixed_labels.end());
      }
    }
    for (size_t b = 0; b < expected.size(); ++b) {
      EXPECT_EQ(together[b].pixels, expected[b].pixels) << world_size << " ranks";
      EXPECT_EQ(together[b].labels, expected[b].labels);
      EXPECT_EQ(together[b].mixed_labels, expected[b].mixed_labels);
    }
  }
}

TEST(Loader, RecycledBatchesGiveTheSame) {
  const Dataset dataset = numbered();
  Loader loader(dataset, {.batch = 16, .shuffle = true, .augment = {4, true, 8, 0.3}, .seed = 2});
  const auto expected = epoch(loader, 0);
  for (int repetition = 0; repetition < 3; ++repetition) {
    loader.start_epoch(0);
    for (const Batch& batch : expected) {
      auto found = loader.next();
      ASSERT_TRUE(found);
      EXPECT_EQ(found->pixels, batch.pixels);
      EXPECT_EQ(found->labels, batch.labels);
      EXPECT_EQ(found->mixed_labels, batch.mixed_labels);
      std::fill(found->pixels.begin(), found->pixels.end(), 99.f);
      loader.recycle(std::move(*found));
    }
  }
}

TEST(Loader, ThreadsAndPrefetchingDoNotChangeTheBatches) {
  const Dataset dataset = numbered();
  LoaderOptions options{
      .batch = 3, .shuffle = true, .augment = kCropAndFlip, .seed = 2, .normalization = kNormalization};
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
  EXPECT_ERROR(Loader(dataset, {.rank = 2, .world_size = 2}), "rank 2 of 2");
  EXPECT_ERROR(Loader(dataset, {.rank = 0, .world_size = 0}), "rank 0 of 0");
  EXPECT_ERROR(Loader(dataset, {.batch = 3, .world_size = 4}), "batch of 3", "4 ranks");
  EXPECT_ERROR(Loader(dataset, {.augment = {.cutout = 40}}), "cutout of 40");
  EXPECT_ERROR(Loader(dataset, {.batch = 51, .drop_last = true}), "50 images", "batch of 51");
  EXPECT_ERROR(Loader(empty, {}), "0 images");
}

}  // namespace
}  // namespace odenet::data
