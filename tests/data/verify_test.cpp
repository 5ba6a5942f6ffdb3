#include "data/verify.h"

#include <gtest/gtest.h>

#include <string>

#include "core/file.h"
#include "data/checksum.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

const std::string kHeader{'\0', '\0', '\x08', '\x03', '\0', '\0', '\0', '\x02',
                          '\0', '\0', '\0',   28,     '\0', '\0', '\0', 28};

class Verify : public ::testing::Test {
 protected:
  // A tiny MNIST of two images in each split; the row says what it should be.
  void SetUp() override {
    create_folder(folder_ / "mnist");
    for (const char* prefix : {"train", "t10k"}) {
      write_file(path(prefix, "images-idx3"), kHeader + std::string(2 * 784, 'x'));
      write_file(path(prefix, "labels-idx1"), std::string{'\0', '\0', '\x08', '\x01', '\0', '\0', '\0', '\x02', 3, 7});
    }
    info_ = find_dataset("mnist");
    info_.train_counts = info_.test_counts = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0};
    md5_ = md5_of(path("train", "images-idx3"));
    info_.files = {{"train-images-idx3-ubyte", 16 + 2 * 784, md5_}, {"train-labels-idx1-ubyte", 10}, {"other.gz", 5}};
  }

  std::filesystem::path path(const std::string& prefix, const std::string& kind) const {
    return folder_ / ("mnist/" + prefix + "-" + kind + "-ubyte");
  }

  testing::TemporaryFolder folder_;
  DatasetInfo info_;
  std::string md5_;
};

TEST_F(Verify, ASoundSet) {
  for (const auto& folder : {folder_.path(), folder_ / "mnist"}) {
    const Verification verification = verify(info_, folder);
    EXPECT_TRUE(verification.sound());
    EXPECT_EQ(verification.files_unlike(), 0u);
    ASSERT_EQ(verification.files.size(), 2u);  // the one that is not there is another form
    EXPECT_EQ(verification.files[0].result, FileCheck::Result::Official);
    EXPECT_EQ(verification.files[1].result, FileCheck::Result::NoChecksum);
    ASSERT_EQ(verification.splits.size(), 2u);
    EXPECT_EQ(verification.splits[0].split, "train");
  }
}

TEST_F(Verify, OtherPixelsAreSoundButNotThePublishedOnes) {
  write_file(path("train", "images-idx3"), kHeader + std::string(2 * 784, 'y'));
  const Verification verification = verify(info_, folder_.path());
  EXPECT_TRUE(verification.sound());
  EXPECT_EQ(verification.files_unlike(), 1u);
  EXPECT_EQ(verification.files[0].expected, "MD5 " + md5_);
}

TEST_F(Verify, OtherLabelsAreNotSound) {
  info_.test_counts = {0, 0, 0, 2, 0, 0, 0, 0, 0, 0};
  const Verification verification = verify(info_, folder_.path());
  EXPECT_FALSE(verification.sound());
  EXPECT_TRUE(verification.splits[0].sound());
  EXPECT_FALSE(verification.splits[1].sound());
}

TEST_F(Verify, SaysWhatToRemoveBeforeADownload) {
  const auto advice = [&] { return how_to_replace(info_, verify(info_, folder_.path()), folder_.path()); };
  const std::string download =
      fmt::format("'odenet data download mnist --data-dir {}' gets it", folder_.path().string());
  const std::string labels = path("train", "labels-idx1").string(), images = path("train", "images-idx3").string();
  EXPECT_EQ(advice(), "remove " + labels + ", then " + download);  // its checksum is not known
  write_file(images, kHeader + std::string(2 * 784, 'y'));
  EXPECT_EQ(advice(), "remove " + images + " and " + labels + ", then " + download);
  info_.downloads[0].archive = true;
  EXPECT_EQ(advice(), "remove " + (folder_ / "mnist").string() + ", then " + download);
  info_.files.clear();
  EXPECT_EQ(advice(), download);
}

TEST_F(Verify, DamagedAndMissingFilesAreErrors) {
  write_file(path("t10k", "images-idx3"), kHeader);
  EXPECT_ERROR(verify(info_, folder_.path()), "t10k-images-idx3-ubyte", "truncated");
  info_.files.push_back({"t10k-images-idx3-ubyte", 16 + 2 * 784});
  EXPECT_ERROR(verify(info_, folder_.path()), "truncated", "remove", path("t10k", "images-idx3").string() + ", then");
  std::filesystem::remove(path("t10k", "images-idx3"));
  EXPECT_ERROR(verify(info_, folder_.path()), "t10k-images-idx3-ubyte", "odenet data download");
}

TEST_F(Verify, TheBuiltInSet) {
  const Verification verification = verify(find_dataset("sample"), "");
  EXPECT_TRUE(verification.sound());
  EXPECT_TRUE(verification.files.empty());
}

}  // namespace
}  // namespace odenet::data
