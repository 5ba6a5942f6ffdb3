#include "data/digits.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "core/file.h"
#include "data/resize.h"
#include "support/archives.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

std::string header(std::initializer_list<size_t> dims) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(dims.size())};
  for (const size_t dim : dims)
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(dim >> shift));
  return bytes;
}

std::string pixels(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i * i >> 3));
  return bytes;
}

// What the first image of `images` ought to be after loading.
std::vector<uint8_t> enlarged(const std::string& images, int side) {
  const auto* data = reinterpret_cast<const uint8_t*>(images.data());
  const auto plane = resize_bilinear({data, static_cast<size_t>(side * side)}, side, side, 32, 32);
  std::vector<uint8_t> result;
  for (int c = 0; c < 3; ++c) result.insert(result.end(), plane.begin(), plane.end());
  return result;
}

class Digits : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) {
    create_folder((folder_ / name).parent_path());
    write_file(folder_ / name, bytes);
  }
  void write_mnist(const std::string& labels) {
    write("mnist/t10k-images-idx3-ubyte", header({3, 28, 28}) + pixels(3 * 784));
    write("mnist/t10k-labels-idx1-ubyte", header({labels.size()}) + labels);
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Digits, MnistIsEnlargedToThreeChannels) {
  write_mnist({7, 0, 9});
  const Dataset test = load("mnist", "test", folder_.path());
  EXPECT_EQ(test.labels, (std::vector<int32_t>{7, 0, 9}));
  ASSERT_EQ(test.images.size(), 3u * 3072u);
  const auto first = test.image(0);
  EXPECT_EQ(std::vector<uint8_t>(first.begin(), first.end()), enlarged(pixels(784), 28));
  EXPECT_EQ(test.class_names[7], "7");
  // The folder itself may be named, too.
  EXPECT_EQ(load("mnist", "test", folder_ / "mnist").images, test.images);
}

TEST_F(Digits, MnistMayBeCompressed) {
  create_folder(folder_ / "mnist");
  testing::write_compressed(folder_ / "mnist/train-images-idx3-ubyte.gz", header({2, 28, 28}) + pixels(2 * 784));
  testing::write_compressed(folder_ / "mnist/train-labels-idx1-ubyte.gz", header({2}) + "\x03\x04");
  EXPECT_EQ(load("mnist", "train", folder_.path()).labels, (std::vector<int32_t>{3, 4}));
}

TEST_F(Digits, MnistErrors) {
  EXPECT_ERROR(load("mnist", "test", folder_.path()), "t10k-images-idx3-ubyte.gz", "odenet data download mnist");
  write("mnist/t10k-images-idx3-ubyte", header({3, 28, 28}) + pixels(3 * 784));
  EXPECT_ERROR(load("mnist", "test", folder_.path()), "t10k-labels-idx1-ubyte");
  write_mnist({7, 0});
  EXPECT_ERROR(load("mnist", "test", folder_.path()), "3 images", "2 labels");
  write_mnist({7, 0, 10});
  EXPECT_ERROR(load("mnist", "test", folder_.path()), "label 10 of image 2", "byte 10", "0 to 9");
  write("mnist/t10k-images-idx3-ubyte", header({3, 16, 16}) + pixels(3 * 256));
  EXPECT_ERROR(load("mnist", "test", folder_.path()), "16 x 16", "28 x 28", "mnist");
}

TEST_F(Digits, UspsFromIdxFiles) {
  write("usps/usps-train-images-idx3-ubyte", header({2, 16, 16}) + pixels(2 * 256));
  write("usps/usps-train-labels-idx1-ubyte", header({2}) + std::string{'\x05', '\0'});
  const Dataset train = load("usps", "train", folder_.path());
  EXPECT_EQ(train.labels, (std::vector<int32_t>{5, 0}));
  const auto first = train.image(0);
  EXPECT_EQ(std::vector<uint8_t>(first.begin(), first.end()), enlarged(pixels(256), 16));
}

// One example of class `label`, pixel p with the p-th of a row of values.
std::string usps_line(int label, const char* first_value) {
  std::string line = std::to_string(label) + " 1:" + first_value;
  for (int p = 2; p <= 256; ++p) line += " " + std::to_string(p) + (p % 2 == 0 ? ":-1" : ":0.999");
  return line + "\n";
}

TEST_F(Digits, UspsFromThePublishersFiles) {
  create_folder(folder_ / "usps");
  testing::write_compressed(folder_ / "usps/usps.t.bz2", usps_line(1, "1") + usps_line(10, "0"));
  const Dataset test = load("usps", "test", folder_.path());
  EXPECT_EQ(test.labels, (std::vector<int32_t>{0, 9}));  // class 1 is digit 0
  std::string expected(1, '\xff');
  for (int p = 2; p <= 256; ++p) expected.push_back(p % 2 == 0 ? '\0' : static_cast<char>(254));  // 254.87, truncated
  const auto first = test.image(0);
  EXPECT_EQ(std::vector<uint8_t>(first.begin(), first.end()), enlarged(expected, 16));
}

TEST_F(Digits, UspsTextErrors) {
  create_folder(folder_ / "usps");
  const auto path = folder_ / "usps/usps.bz2";
  testing::write_compressed(path, usps_line(11, "1"));
  EXPECT_ERROR(load("usps", "train", folder_.path()), "usps.bz2", "class 11 of example 0", "1 to 10");
  testing::write_compressed(path, usps_line(3, "1") + usps_line(3, "1.5"));
  EXPECT_ERROR(load("usps", "train", folder_.path()), "value 1.5 of pixel 1 of example 1", "-1 to 1");
  write("usps/usps.bz2", "<html>");
  EXPECT_ERROR(load("usps", "train", folder_.path()), "usps.bz2", "no gzip, bzip2");
  EXPECT_ERROR(load("usps", "test", folder_.path()), "usps.t.bz2", "usps-test-images-idx3-ubyte");
}

}  // namespace
}  // namespace odenet::data
