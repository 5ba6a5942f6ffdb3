#include "core/file_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace odenet {

int FileCalls::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
ssize_t FileCalls::write(int fd, const void* data, size_t size) { return ::write(fd, data, size); }
int FileCalls::fsync(int fd) { return ::fsync(fd); }
int FileCalls::close(int fd) { return ::close(fd); }
int FileCalls::rename(const char* from, const char* to) { return ::rename(from, to); }
int FileCalls::exchange(const char* a, const char* b) { return ::renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE); }
int FileCalls::mkdir(const char* path, mode_t mode) { return ::mkdir(path, mode); }
int FileCalls::unlink(const char* path) { return ::unlink(path); }
void FileCalls::remove_tree(const std::filesystem::path& path) noexcept {
  std::error_code code;
  std::filesystem::remove_all(path, code);
}

namespace {
FileCalls system_calls;
std::atomic<FileCalls*> current = &system_calls;
}  // namespace

FileCalls& file_calls() { return *current.load(); }

FileCalls* replace_file_calls(FileCalls* calls) { return current.exchange(calls == nullptr ? &system_calls : calls); }

}  // namespace odenet
