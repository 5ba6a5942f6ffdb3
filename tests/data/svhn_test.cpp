#include "data/svhn.h"

#include <gtest/gtest.h>
#include <matio.h>

#include <string>
#include <vector>

#include "core/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace odenet::data {
namespace {

// Pixel of image n, told apart by every index.
uint8_t pixel(size_t y, size_t x, size_t c, size_t n) {
  return static_cast<uint8_t>(7 * y + 31 * x + 101 * c + 13 * n);
}

// MATLAB's memory order of [32, 32, 3, count].
std::vector<uint8_t> pixels(size_t count) {
  std::vector<uint8_t> values;
  for (size_t n = 0; n < count; ++n)
    for (size_t c = 0; c < 3; ++c)
      for (size_t x = 0; x < 32; ++x)
        for (size_t y = 0; y < 32; ++y) values.push_back(pixel(y, x, c, n));
  return values;
}

class Svhn : public ::testing::Test {
 protected:
  void SetUp() override { create_folder(folder_ / "svhn"); }

  std::filesystem::path path(const std::string& split) const { return folder_ / ("svhn/" + split + "_32x32.mat"); }

  struct Variable {
    const char* name;
    matio_classes type;
    std::vector<size_t> dims;
    void* data;
  };

  void write(const std::string& split, std::vector<Variable> variables, mat_ft version = MAT_FT_MAT5) {
    mat_t* const file = Mat_CreateVer(path(split).c_str(), "MATLAB 5.0 MAT-file", version);
    ASSERT_NE(file, nullptr);
    for (Variable& v : variables) {
      const matio_types type = v.type == MAT_C_DOUBLE  ? MAT_T_DOUBLE
                               : v.type == MAT_C_INT16 ? MAT_T_INT16
                                                       : MAT_T_UINT8;
      matvar_t* const variable =
          Mat_VarCreate(v.name, v.type, type, static_cast<int>(v.dims.size()), v.dims.data(), v.data, 0);
      ASSERT_NE(variable, nullptr);
      ASSERT_EQ(Mat_VarWrite(file, variable, MAT_COMPRESSION_ZLIB), 0);
      Mat_VarFree(variable);
    }
    Mat_Close(file);
  }

  void write_images(const std::string& split, std::vector<uint8_t> labels) {
    std::vector<uint8_t> x = pixels(labels.size());
    write(split, {{"X", MAT_C_UINT8, {32, 32, 3, labels.size()}, x.data()},
                  {"y", MAT_C_UINT8, {labels.size(), 1}, labels.data()}});
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Svhn, ReadsThePublishedLayout) {
  write_images("test", {1, 10, 9, 5});
  const Dataset test = load("svhn", "test", folder_.path());
  EXPECT_EQ(test.labels, (std::vector<int32_t>{1, 0, 9, 5}));
  EXPECT_EQ(test.class_names.front(), "0");
  for (size_t n = 0; n < 4; ++n)
    for (size_t c = 0; c < 3; ++c)
      for (size_t y = 0; y < 32; ++y)
        for (size_t x = 0; x < 32; ++x) ASSERT_EQ(test.image(n)[c * 1024 + y * 32 + x], pixel(y, x, c, n));
  EXPECT_EQ(load("svhn", "test", folder_ / "svhn").images, test.images);
}

TEST_F(Svhn, ExtraIsAppendedToTrain) {
  write_images("train", {1, 2});
  EXPECT_ERROR(load("svhn-extra", "train", folder_.path()), "extra_32x32.mat", "odenet data download svhn-extra");
  write_images("extra", {3, 4, 10});
  write_images("test", {7, 8});
  EXPECT_EQ(load("svhn-extra", "train", folder_.path()).labels, (std::vector<int32_t>{1, 2, 3, 4, 0}));
  EXPECT_EQ(load("svhn-extra", "test", folder_.path()).labels, (std::vector<int32_t>{7, 8}));
  EXPECT_EQ(load("svhn", "train", folder_.path()).labels, (std::vector<int32_t>{1, 2}));
  const auto images = load("svhn-extra", "train", folder_.path());
  EXPECT_EQ(images.image(2)[33], pixel(1, 1, 0, 0));
}

TEST_F(Svhn, LabelsMayBeDoubles) {
  std::vector<uint8_t> x = pixels(2);
  std::vector<double> y{10, 3};
  write("test", {{"X", MAT_C_UINT8, {32, 32, 3, 2}, x.data()}, {"y", MAT_C_DOUBLE, {2, 1}, y.data()}});
  EXPECT_EQ(load("svhn", "test", folder_.path()).labels, (std::vector<int32_t>{0, 3}));
  y[1] = 2.5;
  write("test", {{"X", MAT_C_UINT8, {32, 32, 3, 2}, x.data()}, {"y", MAT_C_DOUBLE, {2, 1}, y.data()}});
  EXPECT_ERROR(load("svhn", "test", folder_.path()), "label 2.5 of image 1");
}

TEST_F(Svhn, AFileOfOneImage) {
  write_images("test", {4});
  EXPECT_EQ(load("svhn", "test", folder_.path()).size(), 1u);
}

TEST_F(Svhn, WrongVariablesAreErrors) {
  std::vector<uint8_t> x = pixels(2), y{1, 2};
  const auto expect = [&](std::vector<Variable> variables, const std::vector<std::string>& parts) {
    write("test", std::move(variables));
    testing::expect_error([&] { load("svhn", "test", folder_.path()); }, "load", parts);
  };
  const Variable good_x{"X", MAT_C_UINT8, {32, 32, 3, 2}, x.data()}, good_y{"y", MAT_C_UINT8, {2, 1}, y.data()};
  expect({good_x}, {"test_32x32.mat", "no variable y"});
  expect({good_y}, {"no variable X"});
  expect({good_x, {"y", MAT_C_UINT8, {1, 2}, y.data()}}, {"y is [1, 2] of uint8", "expected [N, 1]"});
  expect({good_x, {"y", MAT_C_INT16, {1, 1}, y.data()}}, {"y is [1, 1] of class", "expected [N, 1]"});
  expect({good_x, {"y", MAT_C_UINT8, {1, 1}, y.data()}}, {"X has 2 images", "y has 1 labels"});
  expect({{"X", MAT_C_UINT8, {16, 64, 3, 2}, x.data()}, good_y}, {"X is [16, 64, 3, 2]", "expected [32, 32, 3, N]"});
  expect({{"X", MAT_C_UINT8, {2, 3, 32, 32}, x.data()}, good_y}, {"X is [2, 3, 32, 32]"});
  expect({{"X", MAT_C_INT16, {32, 32, 3, 1}, x.data()}, {"y", MAT_C_UINT8, {1, 1}, y.data()}}, {"expected [32, 32"});
  y = {1, 11};
  expect({good_x, good_y}, {"label 11 of image 1", "1 to 10"});
  y = {0, 1};
  expect({good_x, good_y}, {"label 0 of image 0", "1 to 10"});
}

TEST_F(Svhn, DamagedFilesAreErrors) {
  EXPECT_ERROR(load("svhn", "test", folder_.path()), "test_32x32.mat", "http://ufldl.stanford.edu/housenumbers/");
  write_images("test", std::vector<uint8_t>(20, 3));
  const std::string bytes = read_text_file(path("test"));
  for (const size_t size : {size_t{0}, size_t{60}, size_t{128}, size_t{140}, bytes.size() / 2, bytes.size() - 40}) {
    write_file(path("test"), bytes.substr(0, size));
    EXPECT_ERROR(load("svhn", "test", folder_.path()), "test_32x32.mat", "truncated");
  }
  write_file(path("test"), "<!DOCTYPE html>" + std::string(1'000, ' '));
  EXPECT_ERROR(load("svhn", "test", folder_.path()), "test_32x32.mat", "another file");
}

}  // namespace
}  // namespace odenet::data
