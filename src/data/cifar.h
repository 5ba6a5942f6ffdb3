// CIFAR-10 and CIFAR-100 in their official binary formats, https://www.cs.toronto.edu/~kriz/cifar.html: records of 1
// (CIFAR-10) or 2 (CIFAR-100: coarse, fine) label bytes and 3,072 pixel bytes, [3, 32, 32]; class names in a text file.
//
//   Dataset test = load_cifar10("test", "/data");   // /data/cifar-10-batches-bin/test_batch.bin
//
// Errors name the file, the expected and found bytes, or the record and offset of a bad label.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "data/dataset.h"

namespace odenet::data {

// data_dir: the unpacked folder (cifar-10-batches-bin, cifar-100-binary) or the folder that holds it.
Dataset load_cifar10(std::string_view split, const std::filesystem::path& data_dir);
Dataset load_cifar100(std::string_view split, const std::filesystem::path& data_dir);         // fine labels
Dataset load_cifar100_coarse(std::string_view split, const std::filesystem::path& data_dir);  // the 20 superclasses

// The label bytes at the start of a record, and which of them counts.
struct CifarLabels {
  size_t bytes = 1;
  size_t index = 0;
};

// Appends the records of one file to `dataset`. The file must hold exactly `records` records.
void read_cifar_records(const std::filesystem::path& path, size_t records, CifarLabels labels, Dataset& dataset);

// Writes data_batch_1.bin to data_batch_5.bin, test_batch.bin and batches.meta.txt into the new or empty folder
// `folder`. The folder appears complete or not at all.
void write_cifar10_format(const Dataset& train, const Dataset& test, const std::filesystem::path& folder);

}  // namespace odenet::data
