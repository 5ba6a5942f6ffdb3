// One line of progress on stderr: rewritten in place on a terminal, a line every half minute elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace odenet {

// Writes to stderr. That its reader is gone, as with a closed terminal, is no error.
void print_stderr(const std::string& text);

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }

  // Shows text() if the last one is old enough.
  void show(bool force, const std::function<std::string()>& text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace odenet
