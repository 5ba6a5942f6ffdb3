#include "progress_line.h"

#include <unistd.h>

#include <cstdio>

namespace odenet {

using namespace std::chrono_literals;

void print_stderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1), last_(std::chrono::steady_clock::now()) {}

void ProgressLine::show(bool force, const std::function<std::string()>& text) {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < (terminal_ ? 200ms : 30s) && !(force && terminal_)) return;
  last_ = now;
  shown_ = true;
  print_stderr(terminal_ ? "\r\033[K" + text() : text() + "\n");
}

void ProgressLine::clear() {
  if (terminal_ && shown_) print_stderr("\r\033[K");
  shown_ = false;
}

}  // namespace odenet
