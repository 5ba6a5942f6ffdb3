// Checks the files of a data set against its row: sizes and checksums, numbers of records, images of each class.
//
//   Verification verification = verify(find_dataset("cifar10"), "data");
//   if (!verification.sound()) ...
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace odenet::data {

struct FileCheck {
  enum class Result { Official, Differs, NoChecksum };

  std::filesystem::path path;
  uint64_t bytes = 0;
  Result result = Result::NoChecksum;
  std::string found{}, expected{};  // what differs: "MD5 ...", "12 bytes"
};

struct SplitCheck {
  std::string split;                    // "train", "test"
  std::vector<size_t> found, expected;  // images of each class

  bool sound() const { return found == expected; }
};

struct Verification {
  std::vector<FileCheck> files;  // those of the row that are there, in whichever form
  std::vector<SplitCheck> splits;

  bool sound() const;           // all images are there with their labels
  size_t files_unlike() const;  // files that are not, byte for byte, the published ones
};

// What to do about a set that is not sound, with the command that gets it: "remove data/mnist/train-images-idx3-ubyte,
// then ...". A download overwrites nothing, and the forms of a file that are not downloaded come first.
std::string how_to_replace(const DatasetInfo& info, const Verification& verification,
                           const std::filesystem::path& data_dir);

// An Error if a split cannot be loaded: files are missing or damaged.
Verification verify(const DatasetInfo& info, const std::filesystem::path& data_dir);

}  // namespace odenet::data
