// Skips taken out of a network, from the input side: the way from a ResNet over ShortResNet to NonResNet.
//
//   const NetworkSpec from = make_spec("short-resnet-20", 10), to = make_spec("nonresnet-20", 10);
//   skip_letters(from);                                  // "sssssssss"
//   with_skips(from, "nnnssssss");                       // without its first three skips
//   removal_path(from, to, {.at_a_time = 3});            // that one, "nnnnnnsss", and `to`
//
// Letters: one for each residual block, from the input side; f full, s short, n none. ODEBlocks, whose sum is the
// integration, have none.
//
// Source: Algorithm 1 of the NonResNet paper.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/network_spec.h"

namespace odenet {

std::string skip_letters(const NetworkSpec& spec);

// The same network with other skips; its name stays. Error if there are not as many letters as residual blocks, or
// others.
NetworkSpec with_skips(NetworkSpec spec, std::string_view letters);

// Why `to` is not `from` with fewer or shorter skips; empty if it is, or if they are equal.
std::string not_reducible(const NetworkSpec& from, const NetworkSpec& to);

struct RemovalOptions {
  int at_a_time = 3;    // skips removed in one step
  bool shorten = true;  // full skips that go are made short first, all of them in one step
};

// The networks behind `from`, each with fewer or shorter skips than the one before; the last is `to`. Skips that are
// full in `from` and short in `to` become so in one step. Nothing if the two have the same skips. Error if
// not_reducible().
std::vector<NetworkSpec> removal_path(const NetworkSpec& from, const NetworkSpec& to, RemovalOptions options);

}  // namespace odenet
