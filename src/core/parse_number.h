// A number that is the whole of a text, whatever the locale: "10", "-0.5", "1e-4"; no spaces, no '+'.
//
//   int64_t epochs;
//   if (!parse_number(text, epochs)) throw Error("epochs is '{}', expected a whole number", text);
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace odenet {

// False, with `value` unspecified, if the text is no such number or does not fit.
template <typename T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

}  // namespace odenet
