#include "data/verify.h"

#include <algorithm>

#include "core/error.h"
#include "data/checksum.h"

namespace odenet::data {
namespace fs = std::filesystem;

namespace {

FileCheck check_file(const fs::path& path, const DataFile& file) {
  using enum FileCheck::Result;
  const uint64_t bytes = fs::file_size(path);
  if (file.bytes > 0 && bytes != file.bytes)
    return {path, bytes, Differs, fmt::format("{} bytes", bytes), fmt::format("{} bytes", file.bytes)};
  if (file.md5.empty()) return {path, bytes, NoChecksum};
  const std::string md5 = md5_of(path);
  if (md5 == file.md5) return {path, bytes, Official};
  return {path, bytes, Differs, "MD5 " + md5, fmt::format("MD5 {}", file.md5)};
}

}  // namespace

bool Verification::sound() const {
  return std::all_of(splits.begin(), splits.end(), [](const SplitCheck& split) { return split.sound(); });
}

size_t Verification::files_unlike() const {
  return static_cast<size_t>(std::count_if(
      files.begin(), files.end(), [](const FileCheck& file) { return file.result == FileCheck::Result::Differs; }));
}

std::string how_to_replace(const DatasetInfo& info, const Verification& verification, const fs::path& data_dir) {
  const bool archive = std::any_of(info.downloads.begin(), info.downloads.end(),
                                   [](const Download& download) { return download.archive; });
  std::vector<std::string> paths;
  for (const FileCheck& file : verification.files) {
    if (file.result == FileCheck::Result::Official && !archive) continue;
    const std::string path = (archive ? file.path.parent_path() : file.path).string();
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  }
  return fmt::format("{}'odenet data download {} --data-dir {}' gets it",
                     paths.empty() ? "" : fmt::format("remove {}, then ", fmt::join(paths, " and ")), info.name,
                     data_dir.string());
}

Verification verify(const DatasetInfo& info, const fs::path& data_dir) {
  Verification verification;
  std::error_code code;
  for (const DataFile& file : info.files) {
    for (const fs::path& folder : {data_dir / info.folder, data_dir}) {
      if (!fs::is_regular_file(folder / file.name, code)) continue;
      verification.files.push_back(check_file(folder / file.name, file));
      break;
    }
  }
  for (const char* split : {"train", "test"}) {
    try {
      const Dataset dataset = load(info.name, split, data_dir);
      verification.splits.push_back(
          {split, dataset.class_counts(), split == std::string_view("train") ? info.train_counts : info.test_counts});
    } catch (const Error& error) {
      if (verification.files_unlike() == 0) throw;
      throw Error("{}\n{}", error.what(), how_to_replace(info, verification, data_dir));
    }
  }
  return verification;
}

}  // namespace odenet::data
