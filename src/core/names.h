// The names of a table's rows, for help texts and for errors that list what there is.
//
//   throw Error("unknown schedule '{}'; there are {}", name, names_of(schedules()));   // "one-cycle, cosine, step"
#pragma once

#include <string>

namespace odenet {

template <typename Table>
std::string names_of(const Table& table) {
  std::string text;
  for (const auto& row : table) {
    if (!text.empty()) text += ", ";
    text += row.name;
  }
  return text;
}

}  // namespace odenet
