// One process at a time works in a folder: a lock on its file ".lock", which the system releases when the process dies.
//
//   FolderLock lock("runs/a");      // Error if another process, or another lock of this one, holds it
//
// The file stays. Where the file system knows no locks (some network ones), there is none.
#pragma once

#include <filesystem>
#include <utility>

namespace odenet {

class FolderLock {
 public:
  static constexpr const char* kName = ".lock";

  FolderLock() = default;  // holds nothing
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

 private:
  int fd_ = -1;
};

}  // namespace odenet
