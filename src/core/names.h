// Tables whose rows have names: the row of a name, and all names for help texts and for errors that list what there is.
//
//   if (const Schedule* row = find_named(schedules(), name)) return *row;
//   throw Error("unknown schedule '{}'; there are {}", name, names_of(schedules()));   // "one-cycle, cosine, step"
#pragma once

#include <algorithm>
#include <ranges>
#include <string>
#include <string_view>

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

// Null if there is none.
template <typename Table>
auto find_named(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, [](const auto& row) { return std::string_view(row.name); });
  return found == std::ranges::end(table) ? nullptr : &*found;
}

}  // namespace odenet
