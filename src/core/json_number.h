// Integers of JSON documents. nlohmann's get<int>() makes 20 of 20.9 and 0 of 4294967296; here they are errors.
//
//   const int width = json_integer(json.at("width"), "width", 2, 32);   // Error: "width is 20.9, expected 2 to 32"
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"

namespace odenet {

inline int64_t json_integer(const nlohmann::json& json, std::string_view name, int64_t low, int64_t high) {
  const bool fits = !json.is_number_unsigned() || json.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
  if (!json.is_number_integer() || !fits || json.get<int64_t>() < low || json.get<int64_t>() > high)
    throw Error("{} is {}, expected a whole number from {} to {}", name, json.dump(), low, high);
  return json.get<int64_t>();
}

}  // namespace odenet
