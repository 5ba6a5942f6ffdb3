// SVHN, "format 2, cropped digits" (http://ufldl.stanford.edu/housenumbers/): MATLAB files of level 5 with X, uint8
// [32, 32, 3, N], column-major as MATLAB stores it, and y, [N, 1], where label 10 means digit 0. Read with matio.
//
//   Dataset train = load_svhn("train", "/data");             // /data/svhn/train_32x32.mat
//   Dataset more = load_svhn_with_extra("train", "/data");   // and extra_32x32.mat: 604,388 images, 3.5 GB while
//   loading
//
// Errors name the file, the variable, and what was expected and found.
#pragma once

#include <filesystem>
#include <string_view>

#include "data/dataset.h"

namespace odenet::data {

Dataset load_svhn(std::string_view split, const std::filesystem::path& data_dir);

// Training images: those of train_32x32.mat, then those of extra_32x32.mat. The test split is the same.
Dataset load_svhn_with_extra(std::string_view split, const std::filesystem::path& data_dir);

// Appends the images of one file.
void read_svhn_file(const std::filesystem::path& path, Dataset& dataset);

}  // namespace odenet::data
