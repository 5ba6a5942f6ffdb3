#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <regex>

#include "core/error.h"
#include "core/file_calls.h"

namespace odenet {
namespace fs = std::filesystem;

namespace {

Error system_error(std::string_view action, const fs::path& path, int code = errno) {
  return Error("cannot {} {}: {}", action, path.string(), std::strerror(code));
}

// Again while a signal interrupts it.
template <typename Call>
auto persist(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : fd_(persist([&] { return file_calls().open(path.c_str(), flags | O_CLOEXEC, 0644); })) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Linux has closed the file, too, where a signal interrupted that.
  bool close() { return file_calls().close(std::exchange(fd_, -1)) == 0 || errno == EINTR; }

 private:
  int fd_;
};

// Devices, pipes, and folders of some network file systems cannot be synced, and say EINVAL.
bool sync(const Descriptor& fd) {
  return persist([&] { return file_calls().fsync(fd.get()); }) == 0 || errno == EINVAL;
}

bool write_all(const Descriptor& fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = persist([&] { return file_calls().write(fd.get(), bytes.data(), bytes.size()); });
    if (n == 0) errno = EIO;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Makes the entry `path` of its folder lasting.
void sync_entry(const fs::path& path) {
  const Descriptor fd(parent_of(path), O_RDONLY | O_DIRECTORY);
  if (!fd || !sync(fd)) throw system_error("sync the folder of", path);
}

// Where a symbolic link leads in the end, which need not exist; `path` if it is none.
fs::path follow_links(fs::path path) {
  constexpr int kMost = 40;  // as in Linux
  std::error_code code;
  for (int i = 0; i < kMost && fs::is_symlink(path, code); ++i) path = parent_of(path) / fs::read_symlink(path, code);
  return path;
}

// The part of a temporary name behind the last dot, see leftovers().
constexpr std::string_view kTemporary = "tmp", kStaging = "staging", kOld = "old";

// A temporary name beside `path` that no other write of this process has. So what stands there is of a killed process
// that had the same number, and is removed.
fs::path sibling(const fs::path& path, std::string_view suffix) {
  static std::atomic<uint64_t> count = 0;
  const fs::path name =
      parent_of(path) / fmt::format(".{}.{}.{}.{}", path.filename().string(), ::getpid(), ++count, suffix);
  std::error_code code;
  if (fs::exists(fs::symlink_status(name, code))) file_calls().remove_tree(name);
  return name;
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path, size_t most) {
  std::error_code code;
  if (fs::is_directory(path, code)) throw Error("cannot read {}: it is a folder, expected a file", path.string());
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw system_error("read", path);
  const std::streamoff size = in.tellg();
  if (size < 0) throw Error("cannot read {}: it is no regular file", path.string());
  std::vector<std::byte> bytes(std::min(static_cast<size_t>(size), most));
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
  FileCalls& calls = file_calls();
  std::error_code ignored;
  if (fs::is_other(fs::status(path, ignored))) {  // a device or pipe: no file can take its place
    Descriptor fd(path, O_WRONLY);
    if (!fd || !write_all(fd, bytes) || !sync(fd) || !fd.close()) throw system_error("write", path);
    return;
  }
  const fs::path target = follow_links(path), temporary = sibling(target, kTemporary);
  Descriptor fd(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) throw system_error("write", path);
  const auto fail = [&](std::string_view action) {
    const int code = errno;
    calls.unlink(temporary.c_str());
    return system_error(action, path, code);
  };
  if (!write_all(fd, bytes)) throw fail("write");
  if (!sync(fd)) throw fail("sync");
  if (!fd.close()) throw fail("close");
  if (calls.rename(temporary.c_str(), target.c_str()) != 0) throw fail("replace");
  sync_entry(target);
}

void write_file(const fs::path& path, std::string_view text) { write_file(path, std::as_bytes(std::span(text))); }

void move_file(const fs::path& from, const fs::path& to) {
  const Descriptor fd(from, O_RDONLY);
  if (!fd || !sync(fd)) throw system_error("sync", from);
  if (file_calls().rename(from.c_str(), to.c_str()) != 0) throw system_error("replace", to);
  sync_entry(to);
}

void create_folder(const fs::path& path) {
  const fs::path whole = path.has_filename() ? path : path.parent_path();
  std::vector<fs::path> missing;
  std::error_code code;
  for (fs::path folder = whole; !fs::is_directory(folder, code); folder = parent_of(folder)) {
    // A file in the way is an error of mkdir.
    if ((code && code != std::errc::no_such_file_or_directory) || folder == parent_of(folder))
      throw system_error("create folder", path, code.value());
    missing.push_back(folder);
  }
  for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
    if (file_calls().mkdir(folder->c_str(), 0755) != 0) {
      const int reason = errno;
      if (!fs::is_directory(*folder, code)) throw system_error("create folder", path, reason);
    }
    sync_entry(*folder);
  }
}

std::vector<fs::path> leftovers(const fs::path& folder) {
  static const std::regex pattern(fmt::format(R"(\..+\.[0-9]+\.({}|{}|{}))", kTemporary, kStaging, kOld));
  std::vector<fs::path> paths;
  std::error_code code;
  const fs::directory_iterator entries(folder, code);
  if (code) throw Error("cannot read folder {}: {}", folder.string(), code.message());
  for (const auto& entry : entries)
    if (std::regex_match(entry.path().filename().string(), pattern)) paths.push_back(entry.path());
  return paths;
}

void remove_leftovers(const fs::path& folder) {
  for (const fs::path& path : leftovers(folder)) file_calls().remove_tree(path);
}

StagedFolder::StagedFolder(fs::path target, bool replace) : target_(std::move(target)), replace_(replace) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  std::error_code code;
  if (fs::exists(target_, code) && !(fs::is_directory(target_, code) && (replace || fs::is_empty(target_, code))))
    throw Error("{} exists already; choose another folder, or remove it first", target_.string());
  // A link, or ".", cannot be replaced.
  if (fs::path real = fs::weakly_canonical(follow_links(target_), code); !code) target_ = std::move(real);
  create_folder(parent_of(target_));
  staging_ = sibling(target_, kStaging);
  if (file_calls().mkdir(staging_.c_str(), 0755) != 0) throw system_error("create folder", staging_);
}

StagedFolder::~StagedFolder() {
  if (!committed_) file_calls().remove_tree(staging_);
}

void StagedFolder::commit() {
  FileCalls& calls = file_calls();
  std::error_code ignored;
  fs::path old;  // where the replaced folder is then
  bool swapped = false;
  if (replace_ && fs::exists(target_, ignored) && !fs::is_empty(target_, ignored)) {
    swapped = calls.exchange(staging_.c_str(), target_.c_str()) == 0;
    if (!swapped && errno != EINVAL && errno != ENOSYS) throw system_error("replace", target_);
    old = swapped ? staging_ : sibling(target_, kOld);
    // A file system that cannot swap two names has none for a moment.
    if (!swapped && calls.rename(target_.c_str(), old.c_str()) != 0) throw system_error("replace", target_);
  }
  if (!swapped && calls.rename(staging_.c_str(), target_.c_str()) != 0) {
    const int code = errno;
    if (!old.empty()) calls.rename(old.c_str(), target_.c_str());
    throw system_error("replace", target_, code);
  }
  committed_ = true;
  sync_entry(target_);  // before the old one goes: else neither might be left when the machine stops
  if (!old.empty()) calls.remove_tree(old);
}

}  // namespace odenet
