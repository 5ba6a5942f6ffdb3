// A sheet of labelled images, a row for each class: what a data set looks like, or what training sees of it.
//
//   Picture sheet = preview(dataset, {.count = 10, .augment = info.augmentation, .normalization = info.normalization});
//   write_file("sheet.png", encode_png(sheet));
#pragma once

#include <cstdint>
#include <string>

#include "data/augment.h"
#include "data/dataset.h"
#include "data/picture.h"

namespace odenet::data {

constexpr int kMostPreviewed = 1'000;  // images of each class

struct PreviewOptions {
  int count = 10;  // images of each class: the first ones
  Augmentation augment{};
  Normalization normalization{};  // padding and cut out squares have its mean colour
  uint64_t seed = 0;
  std::string title{};
};

// The images pass through a Loader as in training. An Error if `dataset` is empty, or count below 1 or too large.
Picture preview(const Dataset& dataset, const PreviewOptions& options);

}  // namespace odenet::data
