// The system calls behind every write of core/file.h, in one replaceable object, so that a test can let any of them
// fail or let the process die before any of them.
//
//   class FullDisk : public FileCalls {
//     ssize_t write(int, const void*, size_t) override { errno = ENOSPC; return -1; }
//   } full;
//   FileCalls* before = replace_file_calls(&full);   // write_file() now fails; tests/support/file_faults.h does the
//   rest replace_file_calls(before);
//
// Each call returns what the system call of its name returns, errno included.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>

namespace odenet {

class FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int fd, const void* data, size_t size);
  virtual int fsync(int fd);
  virtual int close(int fd);
  virtual int rename(const char* from, const char* to);
  virtual int exchange(const char* a, const char* b);  // swaps two names atomically, where the file system can
  virtual int mkdir(const char* path, mode_t mode);
  virtual int unlink(const char* path);
  virtual void remove_tree(const std::filesystem::path& path) noexcept;  // as far as possible; runs in destructors
};

// Those in use: the system's, until replaced.
FileCalls& file_calls();

// Puts `calls` in place, which must outlive its use, and returns those that were; nullptr means the system's.
FileCalls* replace_file_calls(FileCalls* calls);

}  // namespace odenet
