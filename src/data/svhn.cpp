#include "data/svhn.h"

#include <matio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

struct CloseFile {
  void operator()(mat_t* file) const { Mat_Close(file); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using Variable = std::unique_ptr<matvar_t, FreeVariable>;

class MatFile {
 public:
  explicit MatFile(const fs::path& path) : path_(path.string()), file_(Mat_Open(path.c_str(), MAT_ACC_RDONLY)) {
    std::error_code code;
    if (!fs::is_regular_file(path, code)) throw Error("cannot read {}: there is no such file", path_);
    if (!file_) throw Error("{}: it is no MATLAB file; is it another file, or truncated?", path_);
    if (Mat_GetVersion(file_.get()) != MAT_FT_MAT5)
      throw Error("{}: not a MATLAB file of level 5, which SVHN's are; is it another file, or truncated?", path_);
  }

  const std::string& path() const { return path_; }

  // Type and dimensions; the values come with read().
  Variable find(const char* name) const {
    Variable variable(Mat_VarReadInfo(file_.get(), name));
    if (!variable) throw Error("{}: there is no variable {}, or it is damaged; is the file truncated?", path_, name);
    return variable;
  }

  void read(matvar_t& variable) const {
    if (Mat_VarReadDataAll(file_.get(), &variable) != 0 || variable.data == nullptr)
      throw Error("{}: variable {} cannot be read; is the file truncated or damaged?", path_, variable.name);
  }

 private:
  std::string path_;
  std::unique_ptr<mat_t, CloseFile> file_;
};

std::string describe(const matvar_t& variable) {
  std::vector<size_t> dims(variable.dims, variable.dims + variable.rank);
  return fmt::format("[{}] of {}", fmt::join(dims, ", "),
                     variable.class_type == MAT_C_UINT8 ? "uint8" : fmt::format("class {}", int{variable.class_type}));
}

// 0 to 9, from y's 1 to 10.
std::vector<int> read_labels(const MatFile& file) {
  const Variable y = file.find("y");
  const bool bytes = y->class_type == MAT_C_UINT8;
  if ((!bytes && y->class_type != MAT_C_DOUBLE) || y->isComplex || y->rank != 2 || y->dims[1] != 1)
    throw Error("{}: y is {}, expected [N, 1] of uint8 or double", file.path(), describe(*y));
  file.read(*y);
  std::vector<int> labels;
  for (size_t i = 0; i < y->dims[0]; ++i) {
    const double label = bytes ? static_cast<const uint8_t*>(y->data)[i] : static_cast<const double*>(y->data)[i];
    if (!(label >= 1 && label <= 10) || label != static_cast<int>(label))
      throw Error("{}: label {} of image {}, expected 1 to 10 (10 for digit 0)", file.path(), label, i);
    labels.push_back(static_cast<int>(label) % 10);
  }
  return labels;
}

Dataset load(const DatasetInfo& info, const std::vector<std::string>& files, const fs::path& data_dir) {
  Dataset dataset;
  dataset.name = info.name;
  dataset.classes = info.classes;
  for (int digit = 0; digit < info.classes; ++digit) dataset.class_names.push_back(std::to_string(digit));
  for (const std::string& name : files) read_svhn_file(find_file(info, {name}, data_dir), dataset);
  return dataset;
}

}  // namespace

Dataset load_svhn(std::string_view split, const fs::path& data_dir) {
  return load(find_dataset("svhn"), {fmt::format("{}_32x32.mat", split)}, data_dir);
}

Dataset load_svhn_with_extra(std::string_view split, const fs::path& data_dir) {
  const DatasetInfo& info = find_dataset("svhn-extra");
  if (split == "train") return load(info, {"train_32x32.mat", "extra_32x32.mat"}, data_dir);
  return load(info, {"test_32x32.mat"}, data_dir);
}

void read_svhn_file(const fs::path& path, Dataset& dataset) {
  const MatFile file(path);
  const std::vector<int> labels = read_labels(file);
  const auto height = static_cast<size_t>(dataset.height), width = static_cast<size_t>(dataset.width);
  const auto channels = static_cast<size_t>(dataset.channels);
  const Variable x = file.find("X");
  // MATLAB drops a last dimension of 1.
  const bool shape = (x->rank == 4 || (x->rank == 3 && labels.size() == 1)) && x->dims[0] == height &&
                     x->dims[1] == width && x->dims[2] == channels;
  if (!shape || x->class_type != MAT_C_UINT8 || x->isComplex)
    throw Error("{}: X is {}, expected [{}, {}, {}, N] of uint8", path.string(), describe(*x), height, width, channels);
  const size_t count = x->rank == 4 ? x->dims[3] : 1;
  if (count != labels.size())
    throw Error("{}: X has {} images, but y has {} labels", path.string(), count, labels.size());
  file.read(*x);
  if (x->nbytes != count * dataset.image_size())
    throw Error("{}: X has {} bytes, expected {}", path.string(), x->nbytes, count * dataset.image_size());
  // Column-major [y, x, c, n] is [n][c][x][y] in memory: each plane is transposed.
  const auto* source = static_cast<const uint8_t*>(x->data);
  const size_t before = dataset.images.size();
  dataset.images.resize(before + count * dataset.image_size());
  uint8_t* target = dataset.images.data() + before;
  for (size_t plane = 0; plane < count * channels; ++plane, source += height * width, target += height * width) {
    for (size_t row = 0; row < height; ++row)
      for (size_t column = 0; column < width; ++column) target[row * width + column] = source[column * height + row];
  }
  dataset.labels.insert(dataset.labels.end(), labels.begin(), labels.end());
}

}  // namespace odenet::data
