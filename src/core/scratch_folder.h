// A folder for files that nobody keeps, removed with the object.
//
//   const ScratchFolder scratch("picture");        // /tmp/odenet-picture-x7Yz2A
//   write_file(scratch / "plot.gp", script);
#pragma once

#include <filesystem>
#include <string_view>

namespace odenet {

class ScratchFolder {
 public:
  // Throws Error where the system's folder for temporary files takes none.
  explicit ScratchFolder(std::string_view purpose);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace odenet
