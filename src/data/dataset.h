// Data sets: images as bytes with a label each, and the table of those that odenet knows.
//
//   Dataset train = load("cifar10", "train", "/data");       // /data/cifar-10-batches-bin/data_batch_1.bin, ...
//   std::span<const uint8_t> image = train.image(0);         // [3, 32, 32]
//   Normalization normalization = find_dataset("cifar10").normalization;
//
// A new data set is one row of datasets(), which is also what `odenet data list` prints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/normalize.h"

namespace odenet::data {

struct Dataset {
  std::string name{};
  int classes = 0;
  int channels = 3, height = 32, width = 32;
  std::vector<uint8_t> images{};  // [N, channels, height, width]
  std::vector<int32_t> labels{};  // [N], 0 to classes - 1
  std::vector<std::string> class_names{};

  size_t size() const { return labels.size(); }
  size_t image_size() const { return static_cast<size_t>(channels) * static_cast<size_t>(height * width); }
  std::span<const uint8_t> image(size_t index) const;  // [channels, height, width]; an Error if there is no such image

  // Drops all but the first `count` images; keeps all if there are fewer.
  void truncate(size_t count);
};

struct DatasetInfo {
  std::string_view name;
  std::string_view help;
  int classes;
  Normalization normalization;  // mean and standard deviation of the training split
  std::string_view licence;
  std::string_view source;
  Dataset (*load)(std::string_view split, const std::filesystem::path& data_dir);
};

std::span<const DatasetInfo> datasets();

// The row of that name; an Error that lists the names if there is none.
const DatasetInfo& find_dataset(std::string_view name);

// split: "train" or "test". data_dir: the folder that holds the set's folder, or that folder itself; sets that need no
// files ignore it. Errors: unknown name or split, missing or damaged files.
Dataset load(std::string_view name, std::string_view split, const std::filesystem::path& data_dir);

}  // namespace odenet::data
