#include "data/dataset.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/names.h"
#include "data/cifar.h"
#include "data/sample.h"

namespace odenet::data {

namespace {

constexpr std::string_view kCifarLicence =
    "none stated; cite A. Krizhevsky, \"Learning multiple layers of features from tiny images\", 2009";
constexpr std::string_view kCifarSource = "https://www.cs.toronto.edu/~kriz/cifar.html (binary version)";

Dataset load_sample(std::string_view split, const std::filesystem::path&) { return make_sample(split); }

const std::array<DatasetInfo, 3> kDatasets{{
    {"sample",
     "generated shapes with textures, 6,000 + 1,000 images; built in, for a first try",
     10,
     {{0.5010f, 0.4998f, 0.4994f}, {0.2385f, 0.2392f, 0.2410f}},
     "Apache-2.0",
     "built in",
     load_sample},
    {"cifar10",
     "photographs, 50,000 + 10,000 images",
     10,
     {{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}},
     kCifarLicence,
     kCifarSource,
     load_cifar10},
    {"cifar100",
     "photographs with fine labels, 50,000 + 10,000 images",
     100,
     {{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}},
     kCifarLicence,
     kCifarSource,
     load_cifar100},
}};

}  // namespace

std::span<const uint8_t> Dataset::image(size_t index) const {
  if (index >= size() || (index + 1) * image_size() > images.size())
    throw Error("data set {}: image {} of {} labels and {} bytes", name, index, size(), images.size());
  return std::span(images).subspan(index * image_size(), image_size());
}

void Dataset::truncate(size_t count) {
  if (count >= size()) return;
  labels.resize(count);
  images.resize(count * image_size());
}

std::span<const DatasetInfo> datasets() { return kDatasets; }

const DatasetInfo& find_dataset(std::string_view name) {
  const auto row =
      std::find_if(kDatasets.begin(), kDatasets.end(), [&](const auto& info) { return info.name == name; });
  if (row != kDatasets.end()) return *row;
  throw Error("unknown data set '{}'; there are: {}", name, names_of(kDatasets));
}

Dataset load(std::string_view name, std::string_view split, const std::filesystem::path& data_dir) {
  const DatasetInfo& info = find_dataset(name);
  if (split != "train" && split != "test") throw Error("unknown split '{}'; there are: train, test", split);
  return info.load(split, data_dir);
}

}  // namespace odenet::data
