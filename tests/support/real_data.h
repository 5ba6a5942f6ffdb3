// Real data sets for tests that want them: a folder of unpacked files, named by ODENET_REAL_DATA, or the compressed
// files of ../shared/data beside the checkout.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace odenet::testing {

// The folder of real data that holds one of `names`, itself or in its subfolder `set`; empty if there is none.
inline std::filesystem::path find_real_data(std::string_view set, const std::vector<std::string>& names) {
  namespace fs = std::filesystem;
  const char* const named = std::getenv("ODENET_REAL_DATA");
  for (const fs::path& folder : {fs::path(named != nullptr ? named : ODENET_SHARED_DATA), fs::path(ODENET_SHARED_DATA)})
    for (const std::string& name : names)
      if (fs::exists(folder / set / name) || fs::exists(folder / name)) return folder;
  return {};
}

}  // namespace odenet::testing
