// Against the batches of the loader, bit by bit.
#include "train/resident_batches.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/expect_error.h"

namespace odenet::train {
namespace {

const data::Normalization kNormalization{{0.5f, 0.4f, 0.3f}, {0.25f, 0.2f, 0.3f}};

// 50 images, no two of them alike.
data::Dataset numbered(int height = 32, int width = 32) {
  data::Dataset dataset{.name = "numbered", .classes = 50, .height = height, .width = width};
  for (int i = 0; i < 50; ++i) {
    dataset.labels.push_back((7 * i) % 50);
    for (int p = 0; p < 3 * height * width; ++p) dataset.images.push_back(static_cast<uint8_t>((i * 31 + p * p) % 256));
  }
  return dataset;
}

struct Case {
  const char* name;
  data::LoaderOptions options;
};

std::vector<Case> cases() {
  const auto with = [](const data::Augmentation& augmentation) {
    return data::LoaderOptions{
        .batch = 12, .shuffle = true, .augment = augmentation, .seed = 5, .normalization = kNormalization};
  };
  std::vector<Case> cases{{"crop", with({.crop_padding = 4})}, {"flip", with({.flip = true})},
                          {"cutout", with({.cutout = 15})},    {"mixup", with({.mixup_alpha = 0.7})},
                          {"all", with({4, true, 16, 0.3})},   {"none", with({})}};
  cases.push_back({"all, second of three ranks", cases[4].options});
  cases.back().options.rank = 1;
  cases.back().options.world_size = 3;
  cases.push_back({"not shuffled, last batch left out", cases[5].options});
  cases.back().options.shuffle = false;
  cases.back().options.drop_last = true;
  return cases;
}

// The number of batches.
int expect_same(Batches& resident, Batches& loaded, torch::ScalarType type) {
  int batches = 0;
  while (const auto expected = loaded.next()) {
    const auto batch = resident.next();
    if (!batch) {
      ADD_FAILURE() << "no batch " << batches;
      return batches;
    }
    EXPECT_EQ(batch->images.scalar_type(), type);
    EXPECT_TRUE(batch->images.is_contiguous(torch::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(torch::equal(batch->images.cpu(), expected->images)) << "batch " << batches;
    EXPECT_TRUE(torch::equal(batch->labels.cpu(), expected->labels)) << "batch " << batches;
    EXPECT_EQ(batch->lambda, expected->lambda);
    EXPECT_EQ(batch->mixed_labels.defined(), expected->mixed_labels.defined());
    if (expected->mixed_labels.defined() && batch->mixed_labels.defined()) {
      EXPECT_TRUE(torch::equal(batch->mixed_labels.cpu(), expected->mixed_labels)) << "batch " << batches;
    }
    ++batches;
  }
  EXPECT_FALSE(resident.next());
  return batches;
}

void expect_same_epochs(torch::Device device) {
  const data::Dataset dataset = numbered();
  for (const Case& c : cases())
    for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
      SCOPED_TRACE(c.name);
      ResidentBatches resident(dataset, c.options, device, type);
      const auto loaded = make_batches(dataset, c.options, torch::kCPU, type);
      EXPECT_EQ(resident.count(), loaded->count());
      EXPECT_FALSE(resident.next()) << "no epoch has begun";
      for (const uint64_t epoch : {0, 3}) {
        resident.start_epoch(epoch);
        loaded->start_epoch(epoch);
        EXPECT_EQ(expect_same(resident, *loaded, type), loaded->count());
      }
    }
}

TEST(ResidentBatches, AreThoseOfTheLoader) { expect_same_epochs(torch::kCPU); }

TEST(ResidentBatches, AreThoseOfTheLoaderOnAGpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU, or a LibTorch without CUDA";
  expect_same_epochs(torch::kCUDA);
}

TEST(ResidentBatches, GoOnAtAnyBatch) {
  const data::Dataset dataset = numbered();
  const data::LoaderOptions options = cases()[4].options;
  ResidentBatches resident(dataset, options, torch::kCPU, torch::kFloat32);
  const auto loaded = make_batches(dataset, options, torch::kCPU, torch::kFloat32);
  for (const int64_t first : {3, 5, 0}) {
    resident.start_epoch(2, first);
    loaded->start_epoch(2, first);
    EXPECT_EQ(expect_same(resident, *loaded, torch::kFloat32), 5 - first);
  }
  EXPECT_ERROR(resident.start_epoch(2, 6), "batch 6 of an epoch of 5 batches");
}

TEST(ResidentBatches, ImagesNeedNotBeSquare) {
  const data::Dataset dataset = numbered(8, 12);
  const data::LoaderOptions options{.batch = 25, .shuffle = true, .augment = {3, true, 5, 0.3}, .seed = 2};
  ResidentBatches resident(dataset, options, torch::kCPU, torch::kFloat32);
  const auto loaded = make_batches(dataset, options, torch::kCPU, torch::kFloat32);
  resident.start_epoch(0);
  loaded->start_epoch(0);
  EXPECT_EQ(expect_same(resident, *loaded, torch::kFloat32), 2);
}

TEST(ResidentBatches, ImpossibleOptionsAreErrors) {
  EXPECT_ERROR(ResidentBatches(numbered(), {.batch = 0}, torch::kCPU, torch::kFloat32), "batch size 0");
}

}  // namespace
}  // namespace odenet::train
