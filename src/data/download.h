// Gets the files of a data set: from the sources of its row, in order, or from a local copy.
//
//   download_dataset(find_dataset("cifar10"), "data", {.on_progress = show});
//
// A download is resumed, also after the process was ended (NAME.part), and counts only with the right size and
// checksum; a source that fails is left for the next one. Archives are unpacked (data/archive.h) into a folder that
// appears complete or not at all. What is there already is kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "data/dataset.h"

namespace odenet::data {

struct DownloadProgress {
  std::string_view file;
  uint64_t bytes = 0, total = 0;  // so far, of the whole (0: not known)
  double bytes_per_second = 0;
};

struct DownloadOptions {
  std::filesystem::path from{};  // a file, or a folder of files, in place of the network
  std::string mirror{};          // URL of a folder that has the files, in place of the row's sources
  int stall_seconds = 30;        // without data until a source counts as failed
  std::function<void(const DownloadProgress&)> on_progress{};
  std::function<void(const std::string&)> on_event{};  // "https://...: HTTP status 404"
};

// True if something was fetched, false if all files were there. Errors: no source had a good file (all are named, each
// with its reason), a local copy that is not the file, no space, files in the way.
bool download_dataset(const DatasetInfo& info, const std::filesystem::path& data_dir, const DownloadOptions& options);

// One file, to `target`, whose folder exists. `advice`: what the Error says about local copies.
void download_file(const Download& download, const std::filesystem::path& target, const DownloadOptions& options,
                   std::string_view advice);

}  // namespace odenet::data
