#include "data/cifar.h"

#include <nlohmann/json.hpp>
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

// What distinguishes the data sets.
struct Format {
  std::string_view name;
  std::string_view names_file;
  CifarLabels labels;
  std::vector<File> train, test;
};

const Format kCifar10{"cifar10",
                      "batches.meta.txt",
                      {1, 0},
                      {{"data_batch_1.bin", 10'000},
                       {"data_batch_2.bin", 10'000},
                       {"data_batch_3.bin", 10'000},
                       {"data_batch_4.bin", 10'000},
                       {"data_batch_5.bin", 10'000}},
                      {{"test_batch.bin", 10'000}}};

const std::vector<File> kTrain100{{"train.bin", 50'000}}, kTest100{{"test.bin", 10'000}};
const Format kCifar100{"cifar100", "fine_label_names.txt", {2, 1}, kTrain100, kTest100};
const Format kCifar100Coarse{"cifar100-coarse", "coarse_label_names.txt", {2, 0}, kTrain100, kTest100};

bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());  // as checkpoints will hold it
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

std::vector<std::string> read_class_names(const fs::path& path, int classes) {
  std::istringstream in(read_text_file(path));
  std::vector<std::string> names;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    if (!is_utf8(line)) throw Error("{}: the class name in line {} is not UTF-8", path.string(), number);
    names.push_back(line);
  }
  if (names.size() != static_cast<size_t>(classes))
    throw Error("{}: {} class names, expected {}, one a line", path.string(), names.size(), classes);
  return names;
}

Dataset load(const Format& format, std::string_view split, const fs::path& data_dir) {
  const DatasetInfo& info = find_dataset(format.name);
  const std::vector<File>& files = split == "train" ? format.train : format.test;
  const fs::path folder = find_file(info, {std::string(files.front().name)}, data_dir).parent_path();
  Dataset dataset;
  dataset.name = info.name;
  dataset.classes = info.classes;
  dataset.class_names = read_class_names(folder / format.names_file, info.classes);
  for (const File& file : files) read_cifar_records(folder / file.name, file.records, format.labels, dataset);
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
Dataset load_cifar100_coarse(std::string_view split, const fs::path& data_dir) {
  return load(kCifar100Coarse, split, data_dir);
}

void read_cifar_records(const fs::path& path, size_t records, CifarLabels labels, Dataset& dataset) {
  const size_t record_size = labels.bytes + dataset.image_size();
  const std::vector<std::byte> bytes = read_file(path);
  if (bytes.size() != records * record_size)
    throw Error("{}: {} bytes, expected {} ({} records of {}); is it {}?", path.string(), bytes.size(),
                records * record_size, records, record_size,
                bytes.size() < records * record_size ? "truncated" : "another file");
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  dataset.images.reserve(dataset.images.size() + records * dataset.image_size());
  for (size_t i = 0; i < records; ++i) {
    const uint8_t* pixels = data + i * record_size + labels.bytes;
    const int label = data[i * record_size + labels.index];
    if (label >= dataset.classes)
      throw Error("{}: label {} in record {}, at byte {}, expected 0 to {}; is it a {} file?", path.string(), label, i,
                  i * record_size + labels.index, dataset.classes - 1, dataset.name);
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
