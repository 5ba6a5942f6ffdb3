#include "data/download.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "data/archive.h"
#include "data/checksum.h"
#include "data/http.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

constexpr int kAttempts = 10;               // with one source, as long as each brings something
constexpr uint64_t kReadmeBytes = 1 << 20;  // what an archive may hold beside the files that are listed

uint64_t size_or_zero(const fs::path& path) {
  std::error_code code;
  const uint64_t size = fs::file_size(path, code);
  return code ? 0 : size;
}

// Why `path` is not that file; nothing if it is.
std::optional<std::string> mismatch(const fs::path& path, const DataFile& file) {
  const uint64_t size = size_or_zero(path);
  if (file.bytes > 0 && size != file.bytes) return fmt::format("{} bytes, expected {}", size, file.bytes);
  const std::string md5 = file.md5.empty() ? "" : md5_of(path);
  if (md5 != file.md5) return fmt::format("MD5 {}, expected {}", md5, file.md5);
  return std::nullopt;
}

// Where a file is until it is complete.
fs::path part_of(const fs::path& target) { return target.string() + ".part"; }

// Of `file`, beside what an earlier download of `target` left.
uint64_t bytes_to_come(const DataFile& file, const fs::path& target) {
  return file.bytes - std::min(file.bytes, size_or_zero(part_of(target)));
}

void need_space(const fs::path& folder, uint64_t bytes) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (!code && space.available < bytes)
    throw Error("no space in {}: {} MB are free, {} MB are needed", folder.string(), space.available / 1'000'000,
                bytes / 1'000'000 + 1);
}

void report(const DownloadOptions& options, const std::string& text) {
  if (options.on_event) options.on_event(text);
}

// Why `url` gave no good file; nothing if `part` is complete and right.
std::optional<std::string> try_source(const std::string& url, const DataFile& file, const fs::path& part,
                                      const DownloadOptions& options) {
  Transfer transfer{.url = url, .part = part, .bytes = file.bytes, .stall_seconds = options.stall_seconds};
  if (options.on_progress)
    transfer.on_progress = [&](uint64_t bytes, uint64_t total, double speed) {
      options.on_progress({file.name, bytes, total, speed});
    };
  std::optional<std::string> failure;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t before = size_or_zero(part);
    failure = fetch(transfer);
    if (failure) {
      if (size_or_zero(part) <= before) return failure;
      report(options, fmt::format("{}: {}; going on from there", url, *failure));
      continue;
    }
    failure = mismatch(part, file);
    if (!failure) return std::nullopt;
    fs::remove(part);
    if (before == 0) return failure;  // else the part of an earlier source may have been the wrong one
    report(options, fmt::format("{}: {}; once more from the start", url, *failure));
  }
  return failure;
}

std::vector<std::string> sources(const Download& download, const DownloadOptions& options) {
  if (options.mirror.empty()) return download.urls;
  return {fmt::format("{}{}{}", options.mirror, options.mirror.ends_with('/') ? "" : "/", download.file.name)};
}

// The local copy of a download that --from names.
fs::path local_copy(const DatasetInfo& info, const Download& download, const fs::path& from) {
  std::error_code code;
  const fs::path path = fs::is_directory(from, code) ? from / download.file.name : from;
  if (!fs::is_regular_file(path, code))
    throw Error("cannot read {}: there is no such file; {} needs {}", path.string(), info.name, download.file.name);
  if (path == from && info.downloads.size() > 1)
    throw Error("{} has several files; name the folder that holds them, not {}", info.name, from.string());
  if (const auto reason = mismatch(path, download.file))
    throw Error("{} is not {} of {}: {}; is it damaged, or another file?", path.string(), download.file.name, info.name,
                *reason);
  return path;
}

std::string advice(const DatasetInfo& info) {
  return fmt::format("If you can get it in another way: odenet data download {} --from FILE_OR_FOLDER", info.name);
}

bool download_archive(const DatasetInfo& info, const Download& download, const fs::path& data_dir,
                      const DownloadOptions& options) {
  const fs::path folder = data_dir / info.folder, archive = data_dir / download.file.name;
  std::error_code code;
  if (fs::exists(folder, code) && !fs::is_empty(folder, code)) {
    for (const DataFile& file : info.files)
      if (!fs::exists(folder / file.name, code))
        throw Error("{} exists already, but has no {}; remove the folder to download it anew", folder.string(),
                    file.name);
    for (const DataFile& file : info.files)
      if (const auto reason = mismatch(folder / file.name, file))
        throw Error("{} exists already, but its {} is not the published one: {}; remove the folder to download it anew",
                    folder.string(), file.name, *reason);
    return false;
  }
  uint64_t unpacked = kReadmeBytes;
  for (const DataFile& file : info.files) unpacked += file.bytes;
  const bool local = !options.from.empty();
  const fs::path source = local ? local_copy(info, download, options.from) : archive;
  const bool here = local || (fs::exists(archive, code) && !mismatch(archive, download.file));
  need_space(data_dir, unpacked + (here ? 0 : bytes_to_come(download.file, archive)));
  if (!here) download_file(download, archive, options, advice(info));
  report(options, fmt::format("unpacking {}", source.string()));
  StagedFolder staging(folder);
  unpack(source, info.folder, staging.path(), unpacked);
  for (const DataFile& file : info.files) {
    const uint64_t size = size_or_zero(staging.path() / file.name);
    if (size == 0 || (file.bytes > 0 && size != file.bytes))
      throw Error("{}: {}/{} has {} bytes, expected {}", source.string(), info.folder, file.name, size, file.bytes);
  }
  staging.commit();
  if (!local) fs::remove(archive, code);
  return true;
}

bool download_plain(const DatasetInfo& info, const Download& download, const fs::path& data_dir,
                    const DownloadOptions& options) {
  const fs::path folder = data_dir / info.folder, target = folder / download.file.name;
  std::error_code code;
  if (fs::exists(target, code)) {
    if (const auto reason = mismatch(target, download.file))
      throw Error("{} exists already, but is not the published file: {}; remove it to download it anew",
                  target.string(), *reason);
    return false;
  }
  create_folder(folder);
  if (options.from.empty()) {
    download_file(download, target, options, advice(info));
    return true;
  }
  const fs::path source = local_copy(info, download, options.from), part = part_of(target);
  need_space(folder, size_or_zero(source));
  if (!fs::copy_file(source, part, fs::copy_options::overwrite_existing, code) || mismatch(part, download.file)) {
    fs::remove(part);
    throw Error("cannot copy {} to {}: {}", source.string(), part.string(), code ? code.message() : "it changed");
  }
  move_file(part, target);
  return true;
}

}  // namespace

void download_file(const Download& download, const fs::path& target, const DownloadOptions& options,
                   std::string_view advice) {
  const DataFile& file = download.file;
  const fs::path part = part_of(target);
  need_space(target.has_parent_path() ? target.parent_path() : ".", bytes_to_come(file, target));
  std::string failures;
  for (const std::string& url : sources(download, options)) {
    const auto failure = try_source(url, file, part, options);
    if (!failure) return move_file(part, target);
    report(options, fmt::format("{}: {}", url, *failure));
    failures += fmt::format("\n  {}: {}", url, *failure);
  }
  const uint64_t kept = size_or_zero(part);
  if (kept == 0) fs::remove(part);
  throw Error(
      "cannot download {}:{}\n{}{}", file.name, failures, advice,
      kept > 0 ? fmt::format("\n{} bytes are in {}; the next download goes on from there", kept, part.string()) : "");
}

bool download_dataset(const DatasetInfo& info, const fs::path& data_dir, const DownloadOptions& options) {
  if (info.built_in()) throw Error("data set {} is built in: there is nothing to download", info.name);
  create_folder(data_dir);
  bool fetched = false;
  for (const Download& download : info.downloads)
    fetched |= download.archive ? download_archive(info, download, data_dir, options)
                                : download_plain(info, download, data_dir, options);
  return fetched;
}

}  // namespace odenet::data
