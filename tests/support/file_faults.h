// Lets the k-th file call of the program fail, or the process die there, as long as the object lives:
//
//   for (int k = 1;; ++k) {
//     FileFaults faults({.fail_at = k, .error = ENOSPC});
//     ... write; either it succeeds, or an Error names the path and the old content is intact ...
//     if (!faults.struck()) break;                       // fewer than k calls: every one has failed once
//   }
//
//   die_at_calls(1, [&] { train(...); }, [&] { ... look at what is in the folder, remove it ... });
//
// A death is as SIGKILL: that call and all later ones do not happen.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <mutex>
#include <set>

#include "core/file_calls.h"

namespace odenet::testing {

enum class FileCall { open, write, fsync, close, rename, exchange, mkdir, unlink, remove_tree };

// Not an std::exception, so that nobody takes it for an error that can be handled.
struct ProcessDeath {};

struct FaultPlan {
  int fail_at = 0;  // 1-based number of the counted call that fails; 0: none
  int error = ENOSPC;
  bool forever = false;  // all calls from fail_at on fail, not that one alone
  int die_at = 0;        // 1-based number of the counted call at which the process dies; a write is half done then
  std::set<FileCall> counted{FileCall::open,   FileCall::write,    FileCall::fsync, FileCall::close,
                             FileCall::rename, FileCall::exchange, FileCall::mkdir};
  size_t largest_write = std::numeric_limits<size_t>::max();  // bytes that one write takes
};

class FileFaults : public FileCalls {
 public:
  explicit FileFaults(FaultPlan plan) : plan_(std::move(plan)), before_(replace_file_calls(this)) {}
  ~FileFaults() override { replace_file_calls(before_); }
  FileFaults(const FileFaults&) = delete;
  FileFaults& operator=(const FileFaults&) = delete;

  int calls() const { return calls_; }  // counted ones so far
  bool struck() const { return struck_; }

  int open(const char* path, int flags, mode_t mode) override {
    return fails(FileCall::open) ? -1 : FileCalls::open(path, flags, mode);
  }
  ssize_t write(int fd, const void* data, size_t size) override {
    const bool dead_before = dead_;
    try {
      if (fails(FileCall::write)) return -1;
    } catch (const ProcessDeath&) {
      if (!dead_before && FileCalls::write(fd, data, size / 2) < 0) errno = EIO;
      throw;
    }
    return FileCalls::write(fd, data, std::min(size, plan_.largest_write));
  }
  int fsync(int fd) override { return fails(FileCall::fsync) ? -1 : FileCalls::fsync(fd); }
  int close(int fd) override {
    const int result = FileCalls::close(fd);  // the system closes it in any case
    return fails(FileCall::close) ? -1 : result;
  }
  int rename(const char* from, const char* to) override {
    return fails(FileCall::rename) ? -1 : FileCalls::rename(from, to);
  }
  int exchange(const char* a, const char* b) override {
    return fails(FileCall::exchange) ? -1 : FileCalls::exchange(a, b);
  }
  int mkdir(const char* path, mode_t mode) override {
    return fails(FileCall::mkdir) ? -1 : FileCalls::mkdir(path, mode);
  }
  int unlink(const char* path) override { return fails(FileCall::unlink) ? -1 : FileCalls::unlink(path); }
  void remove_tree(const std::filesystem::path& path) noexcept override {
    try {
      if (!fails(FileCall::remove_tree)) FileCalls::remove_tree(path);
    } catch (const ProcessDeath&) {  // destructors call it; the next call that may throw does
    }
  }

 private:
  bool fails(FileCall call) {
    const std::scoped_lock lock(mutex_);
    if (dead_) throw ProcessDeath();
    if (!plan_.counted.contains(call)) return false;
    ++calls_;
    if (calls_ == plan_.die_at) {
      struck_ = dead_ = true;
      throw ProcessDeath();
    }
    const bool fail = plan_.fail_at > 0 && (calls_ == plan_.fail_at || (plan_.forever && calls_ > plan_.fail_at));
    if (!fail) return false;
    struck_ = true;
    errno = plan_.error;
    return true;
  }

  FaultPlan plan_;
  std::mutex mutex_;
  int calls_ = 0;
  bool struck_ = false, dead_ = false;
  FileCalls* before_;
};

// `run` dies at its first counted call, then `stride` calls later, and so on until it lives. `after` looks at what each
// death left, until a test fails. Returns the number of deaths.
template <typename Run, typename After>
int die_at_calls(int stride, const Run& run, const After& after) {
  for (int deaths = 0;; ++deaths) {
    const int call = 1 + deaths * stride;
    SCOPED_TRACE(call);
    try {
      FileFaults faults({.die_at = call});
      run();
      return deaths;
    } catch (const ProcessDeath&) {
    }
    after();
    if (::testing::Test::HasFailure()) return deaths + 1;
  }
}

}  // namespace odenet::testing
