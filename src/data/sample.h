// The built-in sample set: generated pictures of 10 classes, so that the whole road can be tried without a download.
//
//   Dataset train = make_sample("train");   // 6,000 images; "test": 1,000 others
//
// A class is a shape (disc, square, triangle, cross, ring) with a texture (stripes, checks), at random places, sizes
// and angles, in random colours, over a gradient with strokes, under strokes and noise. Neither a pixel nor a colour
// tells the class, so a linear classifier fails where a small convolutional network does well; data/README.md has
// figures. Integer arithmetic throughout: the same bytes on every machine.
#pragma once

#include <cstddef>
#include <string_view>

#include "data/dataset.h"

namespace odenet::data {

inline constexpr size_t kSampleTrainImages = 6'000;
inline constexpr size_t kSampleTestImages = 1'000;

// split: "train" or "test". Image i has label i modulo 10.
Dataset make_sample(std::string_view split);

}  // namespace odenet::data
