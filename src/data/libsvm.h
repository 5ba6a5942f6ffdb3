// The text format of the LIBSVM data sets: a line per example, "LABEL INDEX:VALUE INDEX:VALUE ...", indices ascending
// from 1, values that are zero left out. https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/
//
//   LibsvmData data = parse_libsvm(text, 256, "usps.bz2");   // source: for messages
//
// Errors name the source, the line, and what was expected and found there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace odenet::data {

struct LibsvmData {
  std::vector<int> labels;    // [N]
  std::vector<float> values;  // [N, features]
};

LibsvmData parse_libsvm(std::string_view text, size_t features, const std::string& source);

}  // namespace odenet::data
