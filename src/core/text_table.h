// Lines of cells as aligned text: the first cell of a line to the left, the others to the right. Cells are UTF-8, every
// character one column wide.
//
//   fmt::print("{}", text_table({{"", "a", "b"}, {"top-1 (%)", "87.4 ± 0.2", "85.1 ± 0.1"}}));
#pragma once

#include <string>
#include <vector>

namespace odenet {

// Lines may have different numbers of cells.
std::string text_table(const std::vector<std::vector<std::string>>& lines);

}  // namespace odenet
