// A data set that loads in no time: files of MNIST or USPS with a few images, each grey noise around a value that its
// label decides.
//
//   write_tiny_digits(folder.path());    // then --dataset mnist --data-dir FOLDER: 48 training and 16 test images
#pragma once

#include <filesystem>
#include <string>

#include "core/file.h"
#include "data/random.h"

namespace odenet::testing {

// dataset: "mnist" or "usps", which is brighter.
inline void write_tiny_digits(const std::filesystem::path& data_dir, const std::string& dataset = "mnist") {
  const bool mnist = dataset == "mnist";
  const char side = mnist ? 28 : 16;
  const int offset = mnist ? 0 : 5;
  create_folder(data_dir / dataset);
  const auto write = [&](const std::string& split, char count) {
    std::string images{0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side};
    std::string labels{0, 0, 8, 1, 0, 0, 0, count};
    data::Random random({static_cast<uint64_t>(count)});
    for (int i = 0; i < count; ++i) {
      const int label = i % 10;
      labels += static_cast<char>(label);
      for (int p = 0; p < side * side; ++p) images += static_cast<char>(20 * label + offset + random.between(0, 70));
    }
    write_file(data_dir / dataset / (split + "-images-idx3-ubyte"), images);
    write_file(data_dir / dataset / (split + "-labels-idx1-ubyte"), labels);
  };
  write(mnist ? "train" : "usps-train", 48);
  write(mnist ? "t10k" : "usps-test", 16);
}

}  // namespace odenet::testing
