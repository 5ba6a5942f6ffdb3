#include "core/scratch_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace odenet {

ScratchFolder::ScratchFolder(std::string_view purpose) {
  std::string name = (std::filesystem::temp_directory_path() / fmt::format("odenet-{}-XXXXXX", purpose)).string();
  if (::mkdtemp(name.data()) == nullptr) throw Error("cannot create a folder like {}: {}", name, std::strerror(errno));
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code code;
  std::filesystem::remove_all(path_, code);
}

}  // namespace odenet
