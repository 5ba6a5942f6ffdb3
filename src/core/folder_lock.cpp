#include "core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/file_calls.h"

namespace odenet {

FolderLock::FolderLock(const std::filesystem::path& folder)
    : fd_(file_calls().open((folder / kName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw Error("cannot lock {}: {}", folder.string(), std::strerror(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) return;
  const int code = errno;
  ::close(std::exchange(fd_, -1));
  if (code == EWOULDBLOCK) throw Error("{} is in use by another process; wait for it, or end it", folder.string());
  throw Error("cannot lock {}: {}", folder.string(), std::strerror(code));
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace odenet
