// The one exception type of odenet: what happened, where, and what to do about it.
//
//   throw Error("{}: label {} at record {}, expected 0 to {}; is it a CIFAR-10 file?", path, label, i, classes - 1);
//
// The library never prints, exits or aborts; apps/odenet catches Error once, prints it and exits with 1.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace odenet {

class Error : public std::runtime_error {
 public:
  template <typename... Args>
  explicit Error(fmt::format_string<Args...> format, Args&&... args)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

}  // namespace odenet
