#include "fixed/formats_text.h"

#include "core/error.h"
#include "core/parse_number.h"

namespace odenet::fixed {

Format parse_format(const std::string& text) {
  const size_t dot = text.find('.');
  Format format;
  if (dot == std::string::npos || !parse_number(std::string_view(text).substr(0, dot), format.width) ||
      !parse_number(std::string_view(text).substr(dot + 1), format.fraction) || !format.valid())
    throw Error("format '{}': expected WIDTH.FRACTION, a width of 2 to 32 bits and a fraction of 0 to {}, like 16.10",
                text, Format::kMaxFraction);
  return format;
}

std::string to_text(Format format) { return fmt::format("{}.{}", format.width, format.fraction); }

Format parse_formats(const std::string& text, std::map<std::string, Format, std::less<>>& exceptions) {
  std::optional<Format> all;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string entry = text.substr(begin, end - begin);
    const size_t equals = entry.find('=');
    if (equals != std::string::npos) {
      const std::string name = entry.substr(0, equals);
      if (!exceptions.emplace(name, parse_format(entry.substr(equals + 1))).second)
        throw Error("formats '{}': two for {}", text, name);
    } else {
      if (all) throw Error("formats '{}': two without a name, {} and {}", text, to_text(*all), entry);
      all = parse_format(entry);
    }
    begin = end + 1;
  }
  if (!all) throw Error("formats '{}': none without a name for everything else, as in 32.20,{}", text, text);
  return *all;
}

Formats formats_from(const std::string& activations, const std::string& weights) {
  Formats formats;
  if (!activations.empty()) formats.activation = parse_formats(activations, formats.activations);
  if (!weights.empty()) formats.weight = parse_formats(weights, formats.weights);
  if (formats.activation.width < 32) formats.sum = kWideSum;
  return formats;
}

}  // namespace odenet::fixed
