// A small integer network with an ODEBlock that the engine can run, "layer2_2" on 8 x 8 maps, for tests of the export
// and of the simulated engine; and what to say where their tools are absent.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/process.h"
#include "fixed/quantizer.h"
#include "support/synthetic.h"

namespace odenet::testing {

inline fixed::Network engine_network(uint32_t seed = 1, const fixed::Formats& formats = {}) {
  NetworkSpec spec = small_spec();
  spec.height = spec.width = 16;
  return fixed::quantize(synthetic_checkpoint(spec, seed), {.formats = formats});
}

inline bool have_tool(const std::string& tool) {
  try {
    require_tool(tool, tool);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace odenet::testing

#define SKIP_WITHOUT(tool) \
  if (!::odenet::testing::have_tool(tool)) GTEST_SKIP() << tool << " is not installed"
