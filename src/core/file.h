// Whole-file reads, and writes that either happen completely or not at all.
//
//   write_file(dir / "report.json", text);          // temporary file, write, fsync, rename, fsync the folder
//   auto staging = StagedFolder(out);               // a whole folder the same way
//   write_file(staging.path() / "weights.hex", hex);
//   staging.commit();                               // without it nothing of the folder remains
//
// Every failure is an Error naming the path and the system's reason. All writing goes through core/file_calls.h. Links
// are followed: what they lead to is written, and they stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace odenet {

// `most`: of a larger file only so many bytes, the first ones.
std::vector<std::byte> read_file(const std::filesystem::path& path, size_t most = SIZE_MAX);
std::string read_text_file(const std::filesystem::path& path);

// Replaces `path` atomically; the folder must exist. On failure no temporary file is left, and the old file is
// untouched, unless only the folder could not be synced: then the new file stands, but may be lost if the machine
// stops. A device or pipe is written as it is.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

// Gives the file `from` the name `to` in the same file system, and makes its content and name lasting.
void move_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Creates `path` and its parents.
void create_folder(const std::filesystem::path& path);

// What a killed process left of its writes in `folder`: ".NAME.PID.N.tmp" of write_file, ".NAME.PID.N.staging" and
// ".NAME.PID.N.old" of StagedFolder, N counting the writes of a process. Remove them only where no other process can be
// writing.
std::vector<std::filesystem::path> leftovers(const std::filesystem::path& folder);
void remove_leftovers(const std::filesystem::path& folder);

// A folder that appears under its final name only when commit() is called. The final name must not exist, or be an
// empty folder, unless `replace` is set: then commit() swaps the old folder out and, once that is lasting, removes it.
class StagedFolder {
 public:
  explicit StagedFolder(std::filesystem::path target, bool replace = false);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::filesystem::path& path() const { return staging_; }
  void commit();

 private:
  std::filesystem::path target_, staging_;
  bool replace_, committed_ = false;
};

}  // namespace odenet
