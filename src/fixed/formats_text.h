// Formats as text: "16.10" has 16 bits, 10 of them fraction; exceptions follow by name.
//
//   Formats formats;
//   formats.activation = parse_formats("16.10,layer3_2=16.8,fc=32.20", formats.activations);
//   to_text(Format{16, 10});                                                             // "16.10"
#pragma once

#include <string>

#include "fixed/network.h"

namespace odenet::fixed {

// Throws Error unless width is 2 to 32 and the fraction below it.
Format parse_format(const std::string& text);
std::string to_text(Format format);

// The first entry, which has no name; the others, NAME=W.F, go to `exceptions`.
Format parse_formats(const std::string& text, std::map<std::string, Format, std::less<>>& exceptions);

// The formats of `--activations` and `--weights`, empty texts being Q20. Sums of networks with narrow activations keep
// Q20 in 32 bits: they live in registers, not in memory.
Formats formats_from(const std::string& activations, const std::string& weights);

}  // namespace odenet::fixed
