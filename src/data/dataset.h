// Data sets: images as bytes with a label each, and the table of those that odenet knows.
//
//   Dataset train = load("cifar10", "train", "/data");       // /data/cifar-10-batches-bin/data_batch_1.bin, ...
//   std::span<const uint8_t> image = train.image(0);         // [3, 32, 32]
//   Normalization normalization = find_dataset("cifar10").normalization;
//
// A new data set is one row of datasets(): the table of normalisation, classes, licences and sources, from which the
// program lists, downloads and verifies, and the tests take their parameters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/augment.h"
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

  std::vector<size_t> class_counts() const;  // images of each class

  // Drops all but the first `count` images; keeps all if there are fewer.
  void truncate(size_t count);
};

// A file of a data set as its publisher made it.
struct DataFile {
  std::string_view name;
  uint64_t bytes = 0;      // 0: not known
  std::string_view md5{};  // hexadecimal; empty: not known
};

// What is downloaded to get a data set: either its files one by one, or an archive of them.
struct Download {
  DataFile file;
  std::vector<std::string> urls;  // the publisher's first, then mirrors
  bool archive = false;           // a tar file whose folder DatasetInfo::folder is unpacked
};

struct DatasetInfo {
  std::string_view name{};
  std::string_view help{};
  int classes = 0;
  Normalization normalization{};  // mean and standard deviation of the training images as they are loaded
  Augmentation augmentation{};    // the customary one; flips only where a mirror image is one of the same class
  std::string_view licence{};
  std::string_view source{};                          // the publisher's page
  std::vector<size_t> train_counts{}, test_counts{};  // images of each class
  std::string_view folder{};                          // of the files, below the data folder; empty: built in
  std::vector<DataFile> files{};                      // what may lie there, in all forms that load() reads
  std::vector<Download> downloads{};
  Dataset (*load)(std::string_view split, const std::filesystem::path& data_dir) = nullptr;

  bool built_in() const { return folder.empty(); }
};

std::span<const DatasetInfo> datasets();

// The row of that name; an Error that lists the names if there is none.
const DatasetInfo& find_dataset(std::string_view name);

// split: "train" or "test". data_dir: the folder that holds the set's folder, or that folder itself; sets that need no
// files ignore it. Errors: unknown name or split, missing or damaged files.
Dataset load(std::string_view name, std::string_view split, const std::filesystem::path& data_dir);

// The first of `names` that exists in data_dir/folder or, for those who name that folder itself, in data_dir. An Error
// that says what is expected where and how to get it.
std::filesystem::path find_file(const DatasetInfo& info, const std::vector<std::string>& names,
                                const std::filesystem::path& data_dir);

}  // namespace odenet::data
