#include "data/digits.h"

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/archive.h"
#include "data/idx.h"
#include "data/libsvm.h"
#include "data/resize.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

constexpr int kMnistSide = 28, kUspsSide = 16;

Dataset empty_dataset(const DatasetInfo& info) {
  Dataset dataset;
  dataset.name = info.name;
  dataset.classes = info.classes;
  for (int digit = 0; digit < info.classes; ++digit) dataset.class_names.push_back(std::to_string(digit));
  return dataset;
}

// grey: [side, side]
void append(Dataset& dataset, std::span<const uint8_t> grey, int side, int label) {
  const auto plane = resize_bilinear(grey, side, side, dataset.height, dataset.width);
  for (int channel = 0; channel < dataset.channels; ++channel)
    dataset.images.insert(dataset.images.end(), plane.begin(), plane.end());
  dataset.labels.push_back(label);
}

std::vector<std::string> plain_or_compressed(const std::string& name) { return {name, name + ".gz"}; }

Dataset load_idx(const DatasetInfo& info, int side, const fs::path& images_path, const fs::path& labels_path) {
  const Idx images = read_idx(images_path, 3), labels = read_idx(labels_path, 1);
  const auto pixels = static_cast<size_t>(side);
  if (images.dims[1] != pixels || images.dims[2] != pixels)
    throw Error("{}: images of {} x {} pixels, expected {} x {}; is it {}?", images_path.string(), images.dims[1],
                images.dims[2], side, side, info.name);
  if (images.dims[0] != labels.dims[0])
    throw Error("{}: {} images, but {} has {} labels; do they belong together?", images_path.string(), images.dims[0],
                labels_path.string(), labels.dims[0]);
  Dataset dataset = empty_dataset(info);
  dataset.images.reserve(images.dims[0] * dataset.image_size());
  for (size_t i = 0; i < images.dims[0]; ++i) {
    if (labels.values[i] >= info.classes)
      throw Error("{}: label {} of image {}, at byte {}, expected 0 to {}", labels_path.string(), labels.values[i], i,
                  8 + i, info.classes - 1);
    append(dataset, std::span(images.values).subspan(i * pixels * pixels, pixels * pixels), side, labels.values[i]);
  }
  return dataset;
}

// Grey values are from -1 to 1, class 1 is digit 0. To bytes as torchvision's USPS does: (v + 1) / 2 * 255, truncated.
Dataset load_usps_text(const DatasetInfo& info, const fs::path& path) {
  constexpr size_t kPixels = static_cast<size_t>(kUspsSide) * kUspsSide;
  constexpr uint64_t kLargest = 100'000'000;  // bytes of text; usps.bz2 has 27 million
  const std::vector<std::byte> bytes = read_compressed(path, kLargest);
  const LibsvmData data =
      parse_libsvm({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kPixels, path.string());
  Dataset dataset = empty_dataset(info);
  std::vector<uint8_t> grey(kPixels);
  for (size_t i = 0; i < data.labels.size(); ++i) {
    const int digit = data.labels[i] - 1;
    if (digit < 0 || digit >= info.classes)
      throw Error("{}: class {} of example {}, expected 1 to {}", path.string(), data.labels[i], i, info.classes);
    for (size_t p = 0; p < kPixels; ++p) {
      const float value = data.values[i * kPixels + p];
      if (std::abs(value) > 1)
        throw Error("{}: value {} of pixel {} of example {}, expected -1 to 1", path.string(), value, p + 1, i);
      grey[p] = static_cast<uint8_t>((value + 1) / 2 * 255);
    }
    append(dataset, grey, kUspsSide, digit);
  }
  return dataset;
}

}  // namespace

Dataset load_mnist(std::string_view split, const fs::path& data_dir) {
  const DatasetInfo& info = find_dataset("mnist");
  const std::string prefix = split == "train" ? "train" : "t10k";
  return load_idx(info, kMnistSide, find_file(info, plain_or_compressed(prefix + "-images-idx3-ubyte"), data_dir),
                  find_file(info, plain_or_compressed(prefix + "-labels-idx1-ubyte"), data_dir));
}

Dataset load_usps(std::string_view split, const fs::path& data_dir) {
  const DatasetInfo& info = find_dataset("usps");
  const std::string prefix = split == "train" ? "usps-train" : "usps-test";
  const std::string text = split == "train" ? "usps.bz2" : "usps.t.bz2";
  std::vector<std::string> images = plain_or_compressed(prefix + "-images-idx3-ubyte");
  images.insert(images.begin(), text);
  const fs::path found = find_file(info, images, data_dir);
  if (found.filename() == text) return load_usps_text(info, found);
  return load_idx(info, kUspsSide, found,
                  find_file(info, plain_or_compressed(prefix + "-labels-idx1-ubyte"), data_dir));
}

}  // namespace odenet::data
