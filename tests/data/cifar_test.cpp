#include "data/cifar.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/file.h"
#include "data/sample.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

using odenet::testing::TemporaryFolder;

constexpr size_t kRecord10 = 3073, kRecord100 = 3074;

// `records` records whose labels and pixels follow from their number.
std::string records10(size_t records, size_t first) {
  std::string bytes;
  bytes.reserve(records * kRecord10);
  for (size_t i = first; i < first + records; ++i) {
    bytes.push_back(static_cast<char>(i % 10));
    bytes.append(3072, static_cast<char>(i % 251));
    bytes.back() = static_cast<char>(i % 7);
  }
  return bytes;
}

std::string records100(size_t records) {
  std::string bytes;
  bytes.reserve(records * kRecord100);
  for (size_t i = 0; i < records; ++i) {
    bytes.push_back(static_cast<char>(i % 20));
    bytes.push_back(static_cast<char>(i % 100));
    bytes.append(3072, static_cast<char>(i % 251));
  }
  return bytes;
}

std::string names(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "class " + std::to_string(i) + "\n";
  return text + "\n";  // the official batches.meta.txt ends with an empty line
}

// Files of the official sizes, written without the cost of fsync.
void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  ASSERT_EQ(std::filesystem::file_size(path), bytes.size());
}

class Cifar : public ::testing::Test {
 protected:
  void write_test10(const std::string& bytes) {
    std::filesystem::create_directory(folder_ / "cifar-10-batches-bin");
    write(folder_ / "cifar-10-batches-bin/test_batch.bin", bytes);
    write(folder_ / "cifar-10-batches-bin/batches.meta.txt", names(10));
  }

  TemporaryFolder folder_;
};

TEST_F(Cifar, ReadsCifar10) {
  std::filesystem::create_directory(folder_ / "cifar-10-batches-bin");
  for (size_t batch = 0; batch < 5; ++batch)
    write(folder_ / ("cifar-10-batches-bin/data_batch_" + std::to_string(batch + 1) + ".bin"),
          records10(10'000, 10'000 * batch));
  write_test10(records10(10'000, 3));

  const Dataset train = load("cifar10", "train", folder_.path());
  EXPECT_EQ(train.name, "cifar10");
  EXPECT_EQ(train.classes, 10);
  ASSERT_EQ(train.size(), 50'000u);
  for (const size_t i : {size_t{0}, size_t{9'999}, size_t{10'000}, size_t{49'999}}) {
    EXPECT_EQ(train.labels[i], static_cast<int>(i % 10));
    EXPECT_EQ(train.image(i).front(), i % 251);
    EXPECT_EQ(train.image(i).back(), i % 7);
  }
  ASSERT_EQ(train.class_names.size(), 10u);
  EXPECT_EQ(train.class_names[9], "class 9");

  // The folder itself may be named, too.
  const Dataset test = load("cifar10", "test", folder_ / "cifar-10-batches-bin");
  ASSERT_EQ(test.size(), 10'000u);
  EXPECT_EQ(test.labels[0], 3);
}

TEST_F(Cifar, ReadsTheFineLabelsOfCifar100) {
  std::filesystem::create_directory(folder_ / "cifar-100-binary");
  write(folder_ / "cifar-100-binary/test.bin", records100(10'000));
  write(folder_ / "cifar-100-binary/fine_label_names.txt", names(100));
  const Dataset test = load("cifar100", "test", folder_.path());
  EXPECT_EQ(test.classes, 100);
  ASSERT_EQ(test.size(), 10'000u);
  EXPECT_EQ(test.labels[57], 57);
  EXPECT_EQ(test.image(57).front(), 57);
  EXPECT_ERROR(load("cifar100", "train", folder_.path()), "train.bin", "cifar-100-binary.tar.gz");
}

TEST_F(Cifar, ReadsTheCoarseLabelsOfCifar100) {
  std::filesystem::create_directory(folder_ / "cifar-100-binary");
  write(folder_ / "cifar-100-binary/test.bin", records100(10'000));
  write(folder_ / "cifar-100-binary/coarse_label_names.txt", names(20));
  const Dataset test = load("cifar100-coarse", "test", folder_.path());
  EXPECT_EQ(test.name, "cifar100-coarse");
  EXPECT_EQ(test.classes, 20);
  EXPECT_EQ(test.class_names.back(), "class 19");
  EXPECT_EQ(test.labels[57], 17);
  EXPECT_EQ(test.image(57).front(), 57);

  std::string bytes = records100(10'000);
  bytes[3 * kRecord100] = 20;
  write(folder_ / "cifar-100-binary/test.bin", bytes);
  EXPECT_ERROR(load("cifar100-coarse", "test", folder_.path()), "label 20", "record 3", "byte 9222", "0 to 19");
}

TEST_F(Cifar, MissingFolderSaysWhatIsExpectedAndWhereToGetIt) {
  const auto nowhere = folder_ / "nowhere";
  EXPECT_ERROR(load("cifar10", "train", nowhere), (nowhere / "cifar-10-batches-bin/data_batch_1.bin").string(),
               "cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar.html", "odenet data download cifar10",
               "--data-dir");
  EXPECT_ERROR(load("cifar100", "test", nowhere), (nowhere / "cifar-100-binary/test.bin").string());
}

TEST_F(Cifar, MissingBatchIsAnError) {
  write_test10(records10(10'000, 0));
  write(folder_ / "cifar-10-batches-bin/data_batch_1.bin", records10(10'000, 0));
  EXPECT_ERROR(load("cifar10", "train", folder_.path()), "data_batch_2.bin", "No such file");
}

TEST_F(Cifar, TruncatedFileIsAnError) {
  write_test10(records10(10'000, 0).substr(0, 30'729'999));
  EXPECT_ERROR(load("cifar10", "test", folder_.path()), "test_batch.bin", "30729999 bytes", "expected 30730000",
               "truncated");
}

TEST_F(Cifar, OversizedFileIsAnError) {
  write_test10(records10(10'001, 0));
  EXPECT_ERROR(load("cifar10", "test", folder_.path()), "test_batch.bin", "30733073 bytes", "expected 30730000");
}

TEST_F(Cifar, LabelOutOfRangeNamesRecordAndOffset) {
  std::string bytes = records10(10'000, 0);
  bytes[17 * kRecord10] = 10;
  write_test10(bytes);
  EXPECT_ERROR(load("cifar10", "test", folder_.path()), "test_batch.bin", "label 10", "record 17", "byte 52241",
               "0 to 9");

  std::filesystem::create_directory(folder_ / "cifar-100-binary");
  bytes = records100(10'000);
  bytes[2 * kRecord100 + 1] = static_cast<char>(200);
  write(folder_ / "cifar-100-binary/test.bin", bytes);
  write(folder_ / "cifar-100-binary/fine_label_names.txt", names(100));
  EXPECT_ERROR(load("cifar100", "test", folder_.path()), "label 200", "record 2", "byte 6149", "0 to 99");
}

TEST_F(Cifar, WrongNumberOfClassNamesIsAnError) {
  write_test10(records10(10'000, 0));
  write(folder_ / "cifar-10-batches-bin/batches.meta.txt", names(9));
  EXPECT_ERROR(load("cifar10", "test", folder_.path()), "batches.meta.txt", "9 class names", "expected 10");
}

TEST_F(Cifar, ClassNamesAreUtf8) {
  write_test10(records10(10'000, 0));
  const std::string first = "cat\r\n\nfor\xc3\xaat\n";
  write(folder_ / "cifar-10-batches-bin/batches.meta.txt", first + names(8));
  EXPECT_EQ(load("cifar10", "test", folder_.path()).class_names[1], "for\xc3\xaat");
  write(folder_ / "cifar-10-batches-bin/batches.meta.txt", first + "for\xeat\n" + names(7));
  EXPECT_ERROR(load("cifar10", "test", folder_.path()), "batches.meta.txt", "line 4", "not UTF-8");
}

TEST_F(Cifar, WritesWhatItReads) {
  Dataset train = make_sample("test"), test = make_sample("test");
  train.truncate(52);  // not a multiple of the five batches
  test.truncate(7);
  const auto target = folder_ / "written";
  write_cifar10_format(train, test, target);

  Dataset read{.name = "read", .classes = 10};
  const size_t sizes[] = {10, 10, 11, 10, 11};
  for (size_t batch = 0; batch < 5; ++batch)
    read_cifar_records(target / ("data_batch_" + std::to_string(batch + 1) + ".bin"), sizes[batch], {}, read);
  EXPECT_EQ(read.images, train.images);
  EXPECT_EQ(read.labels, train.labels);
  Dataset read_test{.name = "read", .classes = 10};
  read_cifar_records(target / "test_batch.bin", 7, {}, read_test);
  EXPECT_EQ(read_test.images, test.images);
  EXPECT_EQ(read_text_file(target / "batches.meta.txt").substr(0, 18), "disc with stripes\n");
}

TEST_F(Cifar, WritesNothingOverExistingFiles) {
  Dataset sample = make_sample("test");
  sample.truncate(10);
  write(folder_ / "mine", "keep");
  EXPECT_ERROR(write_cifar10_format(sample, sample, folder_.path()), "exists already");
  EXPECT_EQ(read_text_file(folder_ / "mine"), "keep");
}

}  // namespace
}  // namespace odenet::data
