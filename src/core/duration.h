// A duration for people: "1:02:03" or "2:03", rounded to seconds.
#pragma once

#include <string>

namespace odenet {

std::string duration(double seconds);

}  // namespace odenet
