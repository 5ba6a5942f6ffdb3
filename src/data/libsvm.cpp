#include "data/libsvm.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parse_number.h"

namespace odenet::data {

namespace {

// Takes the next word off the front of `line`; empty at the end.
std::string_view next_word(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  const size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

template <typename T>
bool parse(std::string_view word, T& value) {
  if (word.starts_with('+')) word.remove_prefix(1);
  return parse_number(word, value);
}

}  // namespace

LibsvmData parse_libsvm(std::string_view text, size_t features, const std::string& source) {
  LibsvmData data;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view first = next_word(line);
    if (first.empty()) continue;
    const auto fail = [&](std::string_view word, std::string_view expected) {
      return Error("{}: line {}: '{}', expected {}", source, number, word, expected);
    };
    int label = 0;
    if (!parse(first, label)) throw fail(first, "a class number");
    data.labels.push_back(label);
    data.values.resize(data.values.size() + features);
    float* const row = data.values.data() + data.values.size() - features;
    size_t last = 0;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
      const size_t colon = word.find(':');
      size_t index = 0;
      float value = 0;
      if (colon == word.npos || !parse(word.substr(0, colon), index) || !parse(word.substr(colon + 1), value) ||
          !std::isfinite(value))
        throw fail(word, "INDEX:VALUE");
      if (index <= last || index > features)
        throw fail(word, fmt::format("an index from {} to {}, in ascending order", last + 1, features));
      row[index - 1] = value;
      last = index;
    }
  }
  if (data.labels.empty()) throw Error("{}: no example in it", source);
  return data;
}

}  // namespace odenet::data
