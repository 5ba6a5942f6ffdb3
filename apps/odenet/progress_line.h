// One line of progress on stderr: rewritten in place on a terminal, a line every half minute elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace odenet {

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
