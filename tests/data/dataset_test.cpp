#include "data/dataset.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

TEST(Datasets, RowsAreCompleteAndFoundByName) {
  for (const DatasetInfo& info : datasets()) {
    EXPECT_EQ(&find_dataset(info.name), &info);
    EXPECT_FALSE(info.help.empty() || info.licence.empty() || info.source.empty()) << info.name;
    EXPECT_GE(info.classes, 2) << info.name;
    for (const float deviation : info.normalization.std) EXPECT_GT(deviation, 0.f) << info.name;
  }
}

TEST(Datasets, UnknownNameListsTheNames) {
  EXPECT_ERROR(load("cifar", "train", "."), "'cifar'", "sample", "cifar10", "cifar100");
}

TEST(Datasets, UnknownSplitListsTheSplits) {
  for (const DatasetInfo& info : datasets()) EXPECT_ERROR(load(info.name, "valid", "."), "'valid'", "train", "test");
}

TEST(Dataset, ImageOutOfRangeIsAnError) {
  Dataset dataset{.name = "two", .classes = 2, .images = std::vector<uint8_t>(2 * 3072, 7), .labels = {0, 1, 1}};
  EXPECT_EQ(dataset.image(1).size(), 3072u);
  EXPECT_EQ(dataset.image(1).data(), dataset.images.data() + 3072);
  EXPECT_ERROR(dataset.image(2), "data set two", "image 2");  // a label without pixels
  EXPECT_ERROR(dataset.image(3), "image 3");
}

TEST(Dataset, TruncateKeepsTheFirstImages) {
  Dataset dataset{.name = "two", .classes = 2, .images = std::vector<uint8_t>(2 * 3072, 7), .labels = {0, 1}};
  dataset.truncate(5);
  EXPECT_EQ(dataset.size(), 2u);
  dataset.truncate(1);
  EXPECT_EQ(dataset.labels, std::vector<int32_t>{0});
  EXPECT_EQ(dataset.images.size(), 3072u);
}

}  // namespace
}  // namespace odenet::data
