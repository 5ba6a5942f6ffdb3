// The integer network with one block, or all of it, computed by the simulated engine; it must agree with "fixed" in
// every bit.
//
//   eval::RtlBackend backend(net, "layer3_2", /*macs=*/16);        // an empty layer: the whole network
//   eval::Metrics metrics = eval::evaluate(backend, samples);
//   backend.counters()                                       // cycles of every image so far
//
// Throws Error for a layer or number of lanes without an engine, and if verilator is missing. A simulated image takes
// about a second: use few.
#pragma once

#include <string>
#include <vector>

#include "engine/cycles.h"
#include "engine/simulator.h"
#include "eval/fixed_backend.h"

namespace odenet::eval {

class RtlBackend : public FixedBackend {
 public:
  RtlBackend(fixed::Network network, const std::string& layer, int macs, int threads = 0);

  std::string name() const override { return "rtl"; }
  std::vector<std::pair<std::string, double>> counts() const override;  // saturations, the engine's too, and cycles

  const engine::Program& program() const { return program_; }
  const std::vector<engine::ImageCounters>& counters() const { return counters_; }

 private:
  engine::Program program_;
  engine::Simulator simulator_;
  std::vector<engine::ImageCounters> counters_;
};

}  // namespace odenet::eval
