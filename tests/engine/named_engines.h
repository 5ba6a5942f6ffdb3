// The engines of which resources.csv has Yosys' counts. Their weights are random ones, so that they can be measured
// anywhere; those of layer3_2 have the shape of a Biased-ODENet-20's.
//
//   for (const NamedEngine& engine : kNamedEngines) ... engine.name, engine.compile()
#pragma once

#include "engine/compiler.h"
#include "random_block.h"

namespace odenet::engine::testing {

struct NamedEngine {
  const char* name;
  Shape shape;
  int macs;

  Program compile() const {
    const RandomBlock random(shape, /*seed=*/1);
    return engine::compile(random.block, random.formats, macs, kXczu7ev);
  }
};

inline constexpr int kSteps = 6;

inline const NamedEngine kNamedEngines[] = {
    {"small-1", {.channels = 16}, 1},  // seconds to synthesise
    {"layer3_2-1", {.channels = 64, .executions = kSteps}, 1},
    {"layer3_2-2", {.channels = 64, .executions = kSteps}, 2},
    {"layer3_2-4", {.channels = 64, .executions = kSteps}, 4},
    {"layer3_2-8", {.channels = 64, .executions = kSteps}, 8},
    {"layer3_2-16", {.channels = 64, .executions = kSteps}, 16},
    {"layer3_2-32", {.channels = 64, .executions = kSteps}, 32},
    {"layer3_2-64", {.channels = 64, .executions = kSteps}, 64},
    {"layer3_2-64-16bit", {.channels = 64, .executions = kSteps, .activations = "16.9", .weights = "16.12"}, 64},
    {"layer3_2-8-8bit", {.channels = 64, .executions = kSteps, .activations = "8.3", .weights = "8.6"}, 8},
    {"layer3_2-64-8bit", {.channels = 64, .executions = kSteps, .activations = "8.3", .weights = "8.6"}, 64},
    {"layer3_2-8-online", {.channels = 64, .executions = kSteps, .norm = NormKind::kInstance}, 8},
    {"layer3_2-64-online", {.channels = 64, .executions = kSteps, .norm = NormKind::kInstance}, 64},
    {"layer1-16", {.channels = 16, .height = 32, .executions = 1, .width = 32, .ode = false}, 16},
    {"layer3_1-16",
     {.channels = 64, .height = 16, .executions = 1, .width = 16, .ode = false, .stride = 2, .in_channels = 32},
     16},
    {"layer3_1-16-separable",
     {.channels = 64,
      .height = 16,
      .executions = 1,
      .width = 16,
      .ode = false,
      .stride = 2,
      .in_channels = 32,
      .separable = true},
     16},
};

}  // namespace odenet::engine::testing
