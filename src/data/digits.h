// Grey digits: MNIST (idx files of 28 x 28 pixels) and USPS (16 x 16: idx files, or the LIBSVM text files that its
// publisher hands out). They become what the networks take: resized bilinearly to 32 x 32 (data/resize.h), the grey
// value three times. All may be compressed (.gz, .bz2, .xz).
//
//   Dataset test = load_mnist("test", "/data");   // /data/mnist/t10k-images-idx3-ubyte or ....gz, and the labels
#pragma once

#include <filesystem>
#include <string_view>

#include "data/dataset.h"

namespace odenet::data {

Dataset load_mnist(std::string_view split, const std::filesystem::path& data_dir);
Dataset load_usps(std::string_view split, const std::filesystem::path& data_dir);

}  // namespace odenet::data
