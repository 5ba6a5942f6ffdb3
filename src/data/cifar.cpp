#include "data/cifar.h"

#include <array>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

struct File {
  std::string_view name;
  size_t records;
};

// What distinguishes the two data sets.
struct Format {
  std::string_view name;
  std::string_view folder;
  std::string_view archive;
  std::string_view names_file;
  int classes;
  size_t label_bytes;
  std::vector<File> train, test;
};

const Format kCifar10{"cifar10",
                      "cifar-10-batches-bin",
                      "cifar-10-binary.tar.gz",
                      "batches.meta.txt",
                      10,
                      1,
                      {{"data_batch_1.bin", 10'000},
                       {"data_batch_2.bin", 10'000},
                       {"data_batch_3.bin", 10'000},
                       {"data_batch_4.bin", 10'000},
                       {"data_batch_5.bin", 10'000}},
                      {{"test_batch.bin", 10'000}}};

const Format kCifar100{"cifar100", "cifar-100-binary",      "cifar-100-binary.tar.gz", "fine_label_names.txt", 100,
                       2,          {{"train.bin", 50'000}}, {{"test.bin", 10'000}}};

// data_dir itself or its subfolder, whichever holds the first file that is wanted.
fs::path find_folder(const Format& format, const File& file, const fs::path& data_dir) {
  std::error_code code;
  for (const fs::path& folder : {data_dir / format.folder, data_dir}) {
    if (fs::exists(folder / file.name, code)) return folder;
  }
  throw Error(
      "cannot find {}: there is neither {} nor {}; get {} from https://www.cs.toronto.edu/~kriz/cifar.html, unpack it "
      "into a folder and name that folder with --data-dir",
      format.name, (data_dir / format.folder / file.name).string(), (data_dir / file.name).string(), format.archive);
}

std::vector<std::string> read_class_names(const fs::path& path, int classes) {
  std::istringstream in(read_text_file(path));
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.size() != static_cast<size_t>(classes))
    throw Error("{}: {} class names, expected {}, one a line", path.string(), names.size(), classes);
  return names;
}

Dataset load(const Format& format, std::string_view split, const fs::path& data_dir) {
  const std::vector<File>& files = split == "train" ? format.train : format.test;
  const fs::path folder = find_folder(format, files.front(), data_dir);
  Dataset dataset;
  dataset.name = format.name;
  dataset.classes = format.classes;
  dataset.class_names = read_class_names(folder / format.names_file, format.classes);
  for (const File& file : files) read_cifar_records(folder / file.name, file.records, format.label_bytes, dataset);
  return dataset;
}

void append_record(const Dataset& dataset, size_t index, std::string& bytes) {
  const auto image = dataset.image(index);
  bytes.push_back(static_cast<char>(dataset.labels[index]));
  bytes.append(reinterpret_cast<const char*>(image.data()), image.size());
}

}  // namespace

Dataset load_cifar10(std::string_view split, const fs::path& data_dir) { return load(kCifar10, split, data_dir); }
Dataset load_cifar100(std::string_view split, const fs::path& data_dir) { return load(kCifar100, split, data_dir); }

void read_cifar_records(const fs::path& path, size_t records, size_t label_bytes, Dataset& dataset) {
  const size_t record_size = label_bytes + dataset.image_size();
  const std::vector<std::byte> bytes = read_file(path);
  if (bytes.size() != records * record_size)
    throw Error("{}: {} bytes, expected {} ({} records of {}); is it {}?", path.string(), bytes.size(),
                records * record_size, records, record_size,
                bytes.size() < records * record_size ? "truncated" : "another file");
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  dataset.images.reserve(dataset.images.size() + records * dataset.image_size());
  for (size_t i = 0; i < records; ++i) {
    const uint8_t* pixels = data + i * record_size + label_bytes;
    const int label = pixels[-1];
    if (label >= dataset.classes)
      throw Error("{}: label {} in record {}, at byte {}, expected 0 to {}; is it a {} file?", path.string(), label, i,
                  i * record_size + label_bytes - 1, dataset.classes - 1, dataset.name);
    dataset.labels.push_back(label);
    dataset.images.insert(dataset.images.end(), pixels, pixels + dataset.image_size());
  }
}

void write_cifar10_format(const Dataset& train, const Dataset& test, const fs::path& folder) {
  for (const Dataset* dataset : {&train, &test}) {
    if (dataset->image_size() != 3072 || dataset->classes > 256)
      throw Error("data set {}: the CIFAR-10 format holds 3x32x32 images of at most 256 classes", dataset->name);
  }
  StagedFolder staging(folder);
  const size_t batches = kCifar10.train.size();
  for (size_t batch = 0; batch < batches; ++batch) {
    std::string bytes;
    for (size_t i = batch * train.size() / batches; i < (batch + 1) * train.size() / batches; ++i)
      append_record(train, i, bytes);
    write_file(staging.path() / kCifar10.train[batch].name, bytes);
  }
  std::string bytes;
  for (size_t i = 0; i < test.size(); ++i) append_record(test, i, bytes);
  write_file(staging.path() / kCifar10.test.front().name, bytes);
  std::string names;
  for (const std::string& name : train.class_names) names += name + "\n";
  write_file(staging.path() / kCifar10.names_file, names);
  staging.commit();
}

}  // namespace odenet::data
