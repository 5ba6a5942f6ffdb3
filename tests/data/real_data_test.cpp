// The real data sets, where they are at hand: as many images of every class as published, and the normalisation of the
// table is theirs.
#include "support/real_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "data/dataset.h"

namespace odenet::data {
namespace {

class RealData : public ::testing::TestWithParam<const char*> {};

TEST_P(RealData, IsAsPublished) {
  const DatasetInfo& info = find_dataset(GetParam());
  // The last file of a row is one of the test split, or the extra images; MNIST and USPS have other forms, too.
  const std::string last(info.files.back().name);
  const auto folder = testing::find_real_data(info.folder, {last, last + ".gz", "usps.t.bz2"});
  if (folder.empty()) GTEST_SKIP() << info.name << " is not at hand; ODENET_REAL_DATA names a folder that has it";
  const Dataset train = load(info.name, "train", folder), test = load(info.name, "test", folder);
  EXPECT_EQ(train.class_counts(), info.train_counts);
  EXPECT_EQ(test.class_counts(), info.test_counts);
  EXPECT_EQ(train.class_names.size(), static_cast<size_t>(info.classes));
  // The row of svhn-extra has svhn's statistics, and its images begin with those of svhn.
  const auto& counts = find_dataset(info.name == "svhn-extra" ? "svhn" : info.name).train_counts;
  const size_t images = std::min(train.size(), std::accumulate(counts.begin(), counts.end(), size_t{0}));
  for (size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < images; ++i) {
      for (const uint8_t value : train.image(i).subspan(c * 1024, 1024)) {
        sum += value / 255.0;
        squares += (value / 255.0) * (value / 255.0);
      }
    }
    const double count = 1024.0 * static_cast<double>(images), mean = sum / count;
    EXPECT_NEAR(info.normalization.mean[c], mean, 1e-4);  // the table has four digits
    EXPECT_NEAR(info.normalization.std[c], std::sqrt(squares / count - mean * mean), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, RealData,
                         ::testing::Values("cifar10", "cifar100", "cifar100-coarse", "svhn", "svhn-extra", "mnist",
                                           "usps"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace odenet::data
