#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.h"

namespace odenet {
namespace fs = std::filesystem;

namespace {

Error system_error(std::string_view action, const fs::path& path, int code = errno) {
  return Error("cannot {} {}: {}", action, path.string(), std::strerror(code));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

void sync_folder(const fs::path& folder) {
  Descriptor fd(folder, O_RDONLY | O_DIRECTORY);
  if (!fd || ::fsync(fd.get()) != 0) throw system_error("sync folder", folder);
}

fs::path sibling(const fs::path& path, std::string_view suffix) {
  return parent_of(path) / fmt::format(".{}.{}.{}", path.filename().string(), ::getpid(), suffix);
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) throw Error("cannot read {}: it is a folder, expected a file", path.string());
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw system_error("read", path);
  const std::streamoff size = in.tellg();
  if (size < 0) throw Error("cannot read {}: it is no regular file", path.string());
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    throw system_error("read", path);
  return bytes;
}

std::string read_text_file(const fs::path& path) {
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  const fs::path temporary = sibling(path, "tmp");
  Descriptor fd(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!fd) throw system_error("write", path);
  const auto fail = [&](std::string_view action) {
    const int code = errno;
    ::unlink(temporary.c_str());
    return system_error(action, path, code);
  };
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw fail("write");
    done += static_cast<size_t>(n);
  }
  if (::fsync(fd.get()) != 0) throw fail("sync");
  if (!fd.close()) throw fail("close");
  if (::rename(temporary.c_str(), path.c_str()) != 0) throw fail("replace");
  sync_folder(parent_of(path));
}

void write_file(const fs::path& path, std::string_view text) { write_file(path, std::as_bytes(std::span(text))); }

void create_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!code && !fs::is_directory(path, code)) code = std::make_error_code(std::errc::not_a_directory);
  if (code) throw Error("cannot create folder {}: {}", path.string(), code.message());
}

StagedFolder::StagedFolder(fs::path target, bool replace) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  std::error_code code;
  if (fs::exists(target_, code) && !(fs::is_directory(target_, code) && (replace || fs::is_empty(target_, code))))
    throw Error("{} exists already; choose another folder, or remove it first", target_.string());
  create_folder(parent_of(target_));
  staging_ = sibling(target_, "staging");
  if (::mkdir(staging_.c_str(), 0755) != 0) throw system_error("create folder", staging_);
}

StagedFolder::~StagedFolder() {
  std::error_code code;
  if (!committed_) fs::remove_all(staging_, code);
}

void StagedFolder::commit() {
  const fs::path old = sibling(target_, "old");
  const bool had_old = ::rename(target_.c_str(), old.c_str()) == 0;
  if (::rename(staging_.c_str(), target_.c_str()) != 0) {
    const int code = errno;
    if (had_old) ::rename(old.c_str(), target_.c_str());
    throw system_error("replace", target_, code);
  }
  committed_ = true;
  sync_folder(parent_of(target_));
  std::error_code code;
  if (had_old) fs::remove_all(old, code);
}

}  // namespace odenet
