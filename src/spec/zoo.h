// The families of networks, one row each; the table is also the help text and the tests' parameters.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/network_spec.h"

namespace odenet {

struct Family {
  std::string_view name;   // "biased-odenet": models are called <name>-<N>
  std::string_view alias;  // "rodenet-3", or empty
  std::string_view help;
  int min_depth;   // smallest N
  int depth_step;  // valid N are min_depth, min_depth + depth_step, ... up to kMaxDepth
  std::vector<Stage> (*stages)(int depth);
};

inline constexpr int kMaxDepth = 1202;  // as deep as the original ResNet paper went

std::span<const Family> families();

// The network `name` ("rodenet-1+2-32", case is ignored, aliases resolved). Throws Error listing the valid names and
// depths.
NetworkSpec make_spec(std::string_view name, int classes, double end_time = 1.0);

// The name under which make_spec() builds the same network, of the depth that spec.model names; empty if there is none.
std::string zoo_name(const NetworkSpec& spec);

}  // namespace odenet
