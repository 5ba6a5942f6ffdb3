#include "data/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"
#include "core/file.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

struct Free {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

class Reader {
 public:
  enum class Format { Tar, Raw };

  Reader(const fs::path& path, Format format) : path_(path), reader_(archive_read_new()) {
    archive* const r = reader_.get();
    archive_read_support_filter_gzip(r);
    archive_read_support_filter_bzip2(r);
    archive_read_support_filter_xz(r);
    format == Format::Tar ? archive_read_support_format_tar(r) : archive_read_support_format_raw(r);
    std::error_code code;
    if (!fs::is_regular_file(path, code)) throw Error("cannot read {}: there is no such file", path.string());
    check(archive_read_open_filename(r, path.c_str(), 1 << 16));
  }

  bool compressed() const { return archive_filter_count(reader_.get()) > 1; }  // the last one is "none"
  bool gzip() const { return archive_filter_code(reader_.get(), 0) == ARCHIVE_FILTER_GZIP; }

  // The next entry; nothing at the end.
  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(reader_.get(), &entry);
    if (code == ARCHIVE_EOF) return nullptr;
    check(code);
    return entry;
  }

  // All of the entry's bytes; `limit` is what may still be read.
  std::vector<std::byte> content(std::string_view name, uint64_t limit) {
    std::vector<std::byte> bytes;
    std::vector<std::byte> block(1 << 18);
    while (true) {
      const la_ssize_t n = archive_read_data(reader_.get(), block.data(), block.size());
      if (n < 0) check(static_cast<int>(n));
      if (n <= 0) return bytes;
      if (bytes.size() + static_cast<size_t>(n) > limit)
        throw Error("{}: {} makes it larger than the {} bytes that are expected; refused", path_.string(), name, limit);
      bytes.insert(bytes.end(), block.begin(), block.begin() + n);
    }
  }

 private:
  // A warning of libarchive is an error, too: it says that something of the entry cannot be represented.
  void check(int code) const {
    if (code == ARCHIVE_OK) return;
    const char* const reason = archive_error_string(reader_.get());
    throw Error("{}: damaged or no archive: {}", path_.string(), reason != nullptr ? reason : "unknown format");
  }

  fs::path path_;
  std::unique_ptr<archive, Free> reader_;
};

// The entry's path, if it is safe to write below a folder.
fs::path safe_path(const fs::path& archive, archive_entry* entry) {
  const char* const name = archive_entry_pathname(entry);
  if (name == nullptr || *name == '\0') throw Error("{}: an entry without a name; refused", archive.string());
  const fs::path path(name);
  if (path.is_absolute()) throw Error("{}: entry {} has an absolute path; refused", archive.string(), name);
  for (const fs::path& part : path)
    if (part == "..") throw Error("{}: entry {} leads out of the folder; refused", archive.string(), name);
  if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr)
    throw Error("{}: entry {} is a link; refused", archive.string(), name);
  if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != AE_IFDIR)
    throw Error("{}: entry {} is neither a file nor a folder; refused", archive.string(), name);
  return path.lexically_normal();
}

// A gzip file ends with the CRC-32 and the length of its content, which libarchive skips.
void check_gzip(const fs::path& path, std::span<const std::byte> content) {
  std::array<char, 8> end{};
  std::ifstream file(path, std::ios::binary);
  const bool there = file.seekg(-std::streamoff{end.size()}, std::ios::end) && file.read(end.data(), end.size());
  const auto number = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<unsigned char>(end[at + i])} << (8 * i);
    return value;
  };
  const auto crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(content.data()), static_cast<z_size_t>(content.size())));
  if (!there || number(0) != crc || number(4) != static_cast<uint32_t>(content.size()))
    throw Error("{}: damaged: its content is not of the checksum and length at its end", path.string());
}

}  // namespace

std::vector<std::byte> read_compressed(const fs::path& path, uint64_t limit) {
  Reader reader(path, Reader::Format::Raw);
  if (reader.next() == nullptr) throw Error("{}: it is empty", path.string());
  if (!reader.compressed()) throw Error("{}: it is no gzip, bzip2 or xz file", path.string());
  std::vector<std::byte> content = reader.content("its content", limit);
  if (reader.gzip()) check_gzip(path, content);
  return content;
}

void unpack(const fs::path& archive, std::string_view folder, const fs::path& target, uint64_t limit) {
  Reader reader(archive, Reader::Format::Tar);
  size_t files = 0;
  while (archive_entry* const entry = reader.next()) {
    const fs::path path = safe_path(archive, entry);
    if (archive_entry_filetype(entry) == AE_IFDIR || path.begin()->string() != folder) continue;
    const fs::path name = path.lexically_relative(folder);
    const std::vector<std::byte> bytes = reader.content(path.string(), limit);
    limit -= bytes.size();
    create_folder((target / name).parent_path());
    write_file(target / name, bytes);
    ++files;
  }
  if (files == 0) throw Error("{}: there is no file below {}/ in it", archive.string(), folder);
}

}  // namespace odenet::data
