#include "data/dataset.h"

#include <algorithm>
#include <functional>
#include <initializer_list>

#include "core/error.h"
#include "core/names.h"
#include "data/cifar.h"
#include "data/digits.h"
#include "data/sample.h"
#include "data/shift.h"
#include "data/svhn.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kCifarLicence =
    "none stated; cite A. Krizhevsky, \"Learning multiple layers of features from tiny images\", 2009";
constexpr std::string_view kCifarSource = "https://www.cs.toronto.edu/~kriz/cifar.html";
constexpr std::string_view kSvhnLicence =
    "non-commercial use only; cite Y. Netzer et al., \"Reading digits in natural images with unsupervised feature "
    "learning\", 2011";
constexpr std::string_view kSvhnSource = "http://ufldl.stanford.edu/housenumbers/";
constexpr Augmentation kCropAndFlip{.crop_padding = 4, .flip = true};
constexpr Augmentation kCrop{.crop_padding = 4};  // a mirrored digit is none

Dataset load_sample(std::string_view split, const std::filesystem::path&) { return make_sample(split); }

Dataset load_sample_shifted(std::string_view split, const std::filesystem::path&) {
  Dataset dataset = shifted(make_sample(split), split == "train" ? 1 : 2);
  dataset.name = "sample-shifted";
  return dataset;
}

std::vector<size_t> equal_counts(size_t classes, size_t images) { return std::vector<size_t>(classes, images); }

std::vector<std::string> urls(std::initializer_list<std::string_view> bases, std::string_view name) {
  std::vector<std::string> result;
  for (const std::string_view base : bases) result.push_back(fmt::format("{}{}", base, name));
  return result;
}

Download cifar_archive(const DataFile& file) {
  return {file, urls({"https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"}, file.name), true};
}

constexpr DataFile kCifar10Files[]{{"data_batch_1.bin", 30'730'000, "5dd7e06a14cb22eb9f671a540d1b7c25"},
                                   {"data_batch_2.bin", 30'730'000, "5ea93a67294ea407fff1d09f752e9692"},
                                   {"data_batch_3.bin", 30'730'000, "942cd6a4bcdd0dd3c604fbe906cb4421"},
                                   {"data_batch_4.bin", 30'730'000, "ae636b3ba5c66a11e91e8cb52e771fcb"},
                                   {"data_batch_5.bin", 30'730'000, "53f37980c15c3d472c316c40844f3f0d"},
                                   {"test_batch.bin", 30'730'000, "803d5f7f4d78ea53de84dbe85f74fb6d"},
                                   {"batches.meta.txt"}};
constexpr DataFile kCifar10Archive{"cifar-10-binary.tar.gz", 170'052'171, "c32a1d4ab5d03f1284b67883e8d87530"};

constexpr DataFile kCifar100Files[]{{"train.bin", 153'700'000, "6172c7755cfe09b2fe270c85cebc1b15"},
                                    {"test.bin", 30'740'000, "4499cfba6c016c1be1438163640a0898"},
                                    {"fine_label_names.txt"},
                                    {"coarse_label_names.txt"}};
constexpr DataFile kCifar100Archive{"cifar-100-binary.tar.gz", 168'513'733, "03b5dce01913d631647c71ecec9e9cb8"};
constexpr Normalization kCifar100Normalization{{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}};

// The first two are svhn, all three are svhn-extra.
constexpr DataFile kSvhnFiles[]{{"train_32x32.mat", 182'040'794, "e26dedcc434d2e4c54c9b2d4a06d8373"},
                                {"test_32x32.mat", 64'275'384, "eb5a983be6a315427106f1b164d9cef3"},
                                {"extra_32x32.mat", 1'329'278'602, "a93ce644f1a588dc4d68dda5feec44a7"}};
// Of the training images without the extra ones, as customarily published (their files were not at hand).
constexpr Normalization kSvhnNormalization{{0.4377f, 0.4438f, 0.4728f}, {0.1980f, 0.2010f, 0.1970f}};
// Those of the extra images are known to add up to the published 531,131, and not checked further.
constexpr size_t kSvhnTrain[]{4'948, 13'861, 10'585, 8'497, 7'458, 6'882, 5'727, 5'595, 5'045, 4'659};
constexpr size_t kSvhnExtra[]{45'550, 90'560, 74'740, 60'765, 50'633, 53'490, 41'582, 43'997, 35'358, 34'456};
constexpr size_t kSvhnTest[]{1'744, 5'099, 4'149, 2'882, 2'523, 2'384, 1'977, 2'019, 1'660, 1'595};

constexpr DataFile kMnistFiles[]{{"train-images-idx3-ubyte.gz", 9'912'422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
                                 {"train-labels-idx1-ubyte.gz", 28'881, "d53e105ee54ea40749a09fcbcd1e9432"},
                                 {"t10k-images-idx3-ubyte.gz", 1'648'877, "9fb629c4189551a2d022fa330f9573f3"},
                                 {"t10k-labels-idx1-ubyte.gz", 4'542, "ec29112dd5afa0611ce80d1b7f02629c"}};
constexpr DataFile kMnistPlainFiles[]{{"train-images-idx3-ubyte", 47'040'016, "6bbc9ace898e44ae57da46a324031adb"},
                                      {"train-labels-idx1-ubyte", 60'008, "a25bea736e30d166cdddb491f175f624"},
                                      {"t10k-images-idx3-ubyte", 7'840'016, "2646ac647ad5339dbf082846283269ea"},
                                      {"t10k-labels-idx1-ubyte", 10'008, "27ae3e4e09519cfbb04c329615203637"}};

constexpr DataFile kUspsFiles[]{{"usps.bz2", 0, "ec16c51db3855ca6c91edd34d0e9b197"},
                                {"usps.t.bz2", 0, "8ea070ee2aca1ac39742fdd1ef5ed118"}};
// Not the publisher's form, but a common one.
constexpr DataFile kUspsIdxFiles[]{{"usps-train-images-idx3-ubyte", 1'866'512},
                                   {"usps-train-labels-idx1-ubyte", 7'299},
                                   {"usps-test-images-idx3-ubyte", 513'808},
                                   {"usps-test-labels-idx1-ubyte", 2'015}};

// `files` one by one from each of `bases`.
std::vector<Download> plain_downloads(std::span<const DataFile> files, std::initializer_list<std::string_view> bases) {
  std::vector<Download> downloads;
  for (const DataFile& file : files) downloads.push_back({file, urls(bases, file.name), false});
  return downloads;
}

template <typename T>
std::vector<T> list(std::span<const T> values) {
  return {values.begin(), values.end()};
}

std::vector<DataFile> joined(std::span<const DataFile> first, std::span<const DataFile> second) {
  std::vector<DataFile> files = list(first);
  files.insert(files.end(), second.begin(), second.end());
  return files;
}

std::vector<size_t> sums(std::span<const size_t> a, std::span<const size_t> b) {
  std::vector<size_t> result = list(a);
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), std::plus());
  return result;
}

const std::vector<DatasetInfo>& table() {
  static const std::vector<DatasetInfo> rows{
      {.name = "sample",
       .help = "generated shapes with textures, for a first try",
       .classes = 10,
       .normalization = {{0.5010f, 0.4998f, 0.4994f}, {0.2385f, 0.2392f, 0.2410f}},
       .augmentation = kCropAndFlip,
       .licence = "Apache-2.0",
       .source = "built in",
       .train_counts = equal_counts(10, 600),
       .test_counts = equal_counts(10, 100),
       .load = load_sample},
      {.name = "sample-shifted",
       .help = "the pictures of sample through mist and noise: a target of domain adaptation",
       .classes = 10,
       .normalization = {{0.6585f, 0.5404f, 0.4226f}, {0.0825f, 0.0828f, 0.0834f}},
       .augmentation = kCropAndFlip,
       .licence = "Apache-2.0",
       .source = "built in",
       .train_counts = equal_counts(10, 600),
       .test_counts = equal_counts(10, 100),
       .load = load_sample_shifted},
      {.name = "cifar10",
       .help = "photographs of ten kinds of things",
       .classes = 10,
       .normalization = {{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}},
       .augmentation = kCropAndFlip,
       .licence = kCifarLicence,
       .source = kCifarSource,
       .train_counts = equal_counts(10, 5'000),
       .test_counts = equal_counts(10, 1'000),
       .folder = "cifar-10-batches-bin",
       .files = list<DataFile>(kCifar10Files),
       .downloads = {cifar_archive(kCifar10Archive)},
       .load = load_cifar10},
      {.name = "cifar100",
       .help = "photographs, fine labels",
       .classes = 100,
       .normalization = kCifar100Normalization,
       .augmentation = kCropAndFlip,
       .licence = kCifarLicence,
       .source = kCifarSource,
       .train_counts = equal_counts(100, 500),
       .test_counts = equal_counts(100, 100),
       .folder = "cifar-100-binary",
       .files = list<DataFile>(kCifar100Files),
       .downloads = {cifar_archive(kCifar100Archive)},
       .load = load_cifar100},
      {.name = "cifar100-coarse",
       .help = "the photographs of cifar100, coarse labels",
       .classes = 20,
       .normalization = kCifar100Normalization,
       .augmentation = kCropAndFlip,
       .licence = kCifarLicence,
       .source = kCifarSource,
       .train_counts = equal_counts(20, 2'500),
       .test_counts = equal_counts(20, 500),
       .folder = "cifar-100-binary",
       .files = list<DataFile>(kCifar100Files),
       .downloads = {cifar_archive(kCifar100Archive)},
       .load = load_cifar100_coarse},
      {.name = "svhn",
       .help = "photographs of house numbers, cropped to a digit",
       .classes = 10,
       .normalization = kSvhnNormalization,
       .augmentation = kCrop,
       .licence = kSvhnLicence,
       .source = kSvhnSource,
       .train_counts = list<size_t>(kSvhnTrain),
       .test_counts = list<size_t>(kSvhnTest),
       .folder = "svhn",
       .files = {kSvhnFiles[0], kSvhnFiles[1]},
       .downloads = plain_downloads(std::span(kSvhnFiles).first(2), {kSvhnSource}),
       .load = load_svhn},
      {.name = "svhn-extra",
       .help = "svhn with its additional, easier training images",
       .classes = 10,
       .normalization = kSvhnNormalization,  // svhn's, so that networks of both take the same input
       .augmentation = kCrop,
       .licence = kSvhnLicence,
       .source = kSvhnSource,
       .train_counts = sums(kSvhnTrain, kSvhnExtra),
       .test_counts = list<size_t>(kSvhnTest),
       .folder = "svhn",
       .files = list<DataFile>(kSvhnFiles),
       .downloads = plain_downloads(kSvhnFiles, {kSvhnSource}),
       .load = load_svhn_with_extra},
      {.name = "mnist",
       .help = "handwritten digits, 28x28 grey, enlarged",
       .classes = 10,
       .normalization = {{0.1309f, 0.1309f, 0.1309f}, {0.2892f, 0.2892f, 0.2892f}},
       .augmentation = kCrop,
       .licence =
           "CC BY-SA 3.0; cite Y. LeCun et al., \"Gradient-based learning applied to document recognition\", 1998",
       .source = "http://yann.lecun.com/exdb/mnist/",
       .train_counts = {5'923, 6'742, 5'958, 6'131, 5'842, 5'421, 5'918, 6'265, 5'851, 5'949},
       .test_counts = {980, 1'135, 1'032, 1'010, 982, 892, 958, 1'028, 974, 1'009},
       .folder = "mnist",
       .files = joined(kMnistFiles, kMnistPlainFiles),
       // The publisher's own server answers few requests; the first two hold copies of its files.
       .downloads = plain_downloads(
           kMnistFiles, {"https://ossci-datasets.s3.amazonaws.com/mnist/",
                         "https://storage.googleapis.com/cvdf-datasets/mnist/", "http://yann.lecun.com/exdb/mnist/"}),
       .load = load_mnist},
      {.name = "usps",
       .help = "handwritten digits of US post codes, 16x16 grey, enlarged",
       .classes = 10,
       .normalization = {{0.2539f, 0.2539f, 0.2539f}, {0.3478f, 0.3478f, 0.3478f}},
       .augmentation = kCrop,
       .licence = "none stated; cite J. J. Hull, \"A database for handwritten text recognition research\", 1994",
       .source = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
       .train_counts = {1'194, 1'005, 731, 658, 652, 556, 664, 645, 542, 644},
       .test_counts = {359, 264, 198, 166, 200, 160, 170, 147, 166, 177},
       .folder = "usps",
       .files = joined(kUspsFiles, kUspsIdxFiles),
       .downloads =
           plain_downloads(kUspsFiles, {"https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"}),
       .load = load_usps},
  };
  return rows;
}

}  // namespace

std::span<const uint8_t> Dataset::image(size_t index) const {
  if (index >= size() || (index + 1) * image_size() > images.size())
    throw Error("data set {}: image {} of {} labels and {} bytes", name, index, size(), images.size());
  return std::span(images).subspan(index * image_size(), image_size());
}

std::vector<size_t> Dataset::class_counts() const {
  std::vector<size_t> counts(static_cast<size_t>(classes));
  for (const int32_t label : labels) ++counts.at(static_cast<size_t>(label));
  return counts;
}

void Dataset::truncate(size_t count) {
  if (count >= size()) return;
  labels.resize(count);
  images.resize(count * image_size());
}

std::span<const DatasetInfo> datasets() { return table(); }

const DatasetInfo& find_dataset(std::string_view name) {
  if (const DatasetInfo* info = find_named(datasets(), name)) return *info;
  throw Error("unknown data set '{}'; there are: {}", name, names_of(datasets()));
}

Dataset load(std::string_view name, std::string_view split, const std::filesystem::path& data_dir) {
  const DatasetInfo& info = find_dataset(name);
  if (split != "train" && split != "test") throw Error("unknown split '{}'; there are: train, test", split);
  return info.load(split, data_dir);
}

fs::path find_file(const DatasetInfo& info, const std::vector<std::string>& names, const fs::path& data_dir) {
  std::error_code code;
  std::vector<std::string> missing;
  for (const fs::path& folder : {data_dir / info.folder, data_dir})
    for (const std::string& name : names) {
      if (fs::exists(folder / name, code)) return folder / name;
      missing.push_back((folder / name).string());
    }
  std::string archives;
  for (const Download& download : info.downloads) archives += fmt::format(" {}", download.file.name);
  throw Error(
      "cannot find {}: there is neither {}; get it with 'odenet data download {} --data-dir {}', or get{} from {} "
      "yourself and name the folder that holds {}/ with --data-dir",
      info.name, fmt::join(missing, " nor "), info.name, data_dir.string(), archives, info.source, info.folder);
}

}  // namespace odenet::data
