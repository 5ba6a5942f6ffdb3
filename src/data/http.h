// One HTTP transfer into a file, resumed where an earlier one stopped. libcurl underneath.
//
//   if (auto reason = fetch({.url = url, .part = "a.tar.gz.part", .bytes = 170'052'171})) try_another_mirror(*reason);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace odenet::data {

struct Transfer {
  std::string url;             // http or https
  std::filesystem::path part;  // what it has already is kept, and the rest asked for
  uint64_t bytes = 0;          // of the whole file; 0: not known
  int stall_seconds = 30;      // without a byte, or without a connection, until it counts as failed
  // bytes so far, those of earlier transfers included; of the whole (0: not known); per second in this transfer
  std::function<void(uint64_t, uint64_t, double)> on_progress{};
};

// Nothing if the file is complete, else why this server failed: no connection, an HTTP status, a stall or an abort, an
// HTML page or another length instead of the file. What came of the file itself stays in `part`; pages do not get
// there. An Error if it is not the server's fault: the file cannot be written, or another process is writing it.
std::optional<std::string> fetch(const Transfer& transfer);

}  // namespace odenet::data
