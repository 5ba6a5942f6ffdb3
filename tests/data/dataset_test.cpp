#include "data/dataset.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "support/expect_error.h"

namespace odenet::data {
namespace {

TEST(Datasets, RowsAreCompleteAndFoundByName) {
  for (const DatasetInfo& info : datasets()) {
    EXPECT_EQ(&find_dataset(info.name), &info);
    EXPECT_FALSE(info.help.empty() || info.licence.empty() || info.source.empty()) << info.name;
    EXPECT_GE(info.classes, 2) << info.name;
    for (const float deviation : info.normalization.std) EXPECT_GT(deviation, 0.f) << info.name;
    EXPECT_EQ(info.train_counts.size(), static_cast<size_t>(info.classes)) << info.name;
    EXPECT_EQ(info.test_counts.size(), static_cast<size_t>(info.classes)) << info.name;
    EXPECT_EQ(info.augmentation.crop_padding, 4) << info.name;
    EXPECT_EQ(info.built_in(), info.files.empty() && info.downloads.empty()) << info.name;
  }
}

TEST(Datasets, NumbersOfImagesAreThePublishedOnes) {
  const std::map<std::string_view, std::pair<size_t, size_t>> published{{"sample", {6'000, 1'000}},
                                                                        {"sample-shifted", {6'000, 1'000}},
                                                                        {"cifar10", {50'000, 10'000}},
                                                                        {"cifar100", {50'000, 10'000}},
                                                                        {"cifar100-coarse", {50'000, 10'000}},
                                                                        {"svhn", {73'257, 26'032}},
                                                                        {"svhn-extra", {73'257 + 531'131, 26'032}},
                                                                        {"mnist", {60'000, 10'000}},
                                                                        {"usps", {7'291, 2'007}}};
  for (const DatasetInfo& info : datasets()) {
    const auto& [train, test] = published.at(info.name);
    EXPECT_EQ(std::accumulate(info.train_counts.begin(), info.train_counts.end(), size_t{0}), train) << info.name;
    EXPECT_EQ(std::accumulate(info.test_counts.begin(), info.test_counts.end(), size_t{0}), test) << info.name;
  }
}

TEST(Datasets, DigitsAreNotMirrored) {
  for (const DatasetInfo& info : datasets()) {
    const bool digits = info.help.find("digit") != std::string_view::npos || info.folder == "svhn";
    EXPECT_EQ(info.augmentation.flip, !digits) << info.name;
  }
}

TEST(Datasets, DownloadsAreChecked) {
  for (const DatasetInfo& info : datasets()) {
    for (const Download& download : info.downloads) {
      EXPECT_EQ(download.file.md5.size(), 32u) << download.file.name;
      ASSERT_FALSE(download.urls.empty()) << download.file.name;
      for (const std::string& url : download.urls) {
        EXPECT_TRUE(url.starts_with("http")) << url;
        EXPECT_TRUE(url.ends_with(fmt::format("/{}", download.file.name))) << url;
      }
    }
  }
}

TEST(Dataset, CountsItsClasses) {
  const Dataset dataset{.name = "few", .classes = 3, .labels = {0, 2, 2}};
  EXPECT_EQ(dataset.class_counts(), (std::vector<size_t>{1, 0, 2}));
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
