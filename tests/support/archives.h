// Compressed files and archives for tests, made with libarchive.
//
//   write_compressed(folder / "labels.gz", bytes);                               // by extension: .gz, .bz2, .xz
//   write_archive(folder / "a.tar.gz", {{"set/x.bin", "abc"}, {.name = "l", .type = AE_IFLNK, .link = "/etc"}});
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace odenet::testing {

struct ArchiveEntry {
  std::string name;
  std::string content{};
  unsigned type = AE_IFREG;
  std::string link{};      // target of a symbolic link
  std::string hardlink{};  // target of a hard link
};

inline void write_with_libarchive(const std::filesystem::path& path, bool tar,
                                  const std::vector<ArchiveEntry>& entries) {
  archive* const writer = archive_write_new();
  const auto check = [&](la_ssize_t code) {
    if (code < ARCHIVE_WARN) throw std::runtime_error(path.string() + ": " + archive_error_string(writer));
  };
  tar ? check(archive_write_set_format_pax_restricted(writer)) : check(archive_write_set_format_raw(writer));
  const std::string extension = path.extension();
  if (extension == ".gz") check(archive_write_add_filter_gzip(writer));
  if (extension == ".bz2") check(archive_write_add_filter_bzip2(writer));
  if (extension == ".xz") check(archive_write_add_filter_xz(writer));
  check(archive_write_open_filename(writer, path.c_str()));
  for (const ArchiveEntry& entry : entries) {
    archive_entry* const header = archive_entry_new();
    archive_entry_set_pathname(header, entry.name.c_str());
    archive_entry_set_filetype(header, entry.type);
    archive_entry_set_perm(header, 0644);
    archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    if (!entry.link.empty()) archive_entry_set_symlink(header, entry.link.c_str());
    if (!entry.hardlink.empty()) archive_entry_set_hardlink(header, entry.hardlink.c_str());
    check(archive_write_header(writer, header));
    if (!entry.content.empty()) check(archive_write_data(writer, entry.content.data(), entry.content.size()));
    archive_entry_free(header);
  }
  check(archive_write_close(writer));
  archive_write_free(writer);
}

inline void write_compressed(const std::filesystem::path& path, const std::string& content) {
  write_with_libarchive(path, false, {{.name = "data", .content = content}});
}

inline void write_archive(const std::filesystem::path& path, const std::vector<ArchiveEntry>& entries) {
  write_with_libarchive(path, true, entries);
}

}  // namespace odenet::testing
