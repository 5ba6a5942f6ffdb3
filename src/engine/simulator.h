// The engine in Verilator, as a function from a block's input to its output.
//
//   engine::Simulator simulator(program);                            // writes, builds; seconds
//   engine::Simulation result = simulator.run(z0);                   // [N, C, H, W] activations
//   result.output, result.images[0].compute_cycles
//
// Throws Error if verilator or make is missing, if the build fails and if a run fails.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/scratch_folder.h"
#include "engine/program.h"

namespace odenet::engine {

// What the engine itself counted for one image.
struct ImageCounters {
  int64_t compute_cycles = 0, load_cycles = 0, store_cycles = 0, saturations = 0;
};

struct Simulation {
  std::vector<int32_t> output;        // [N, C', H', W']
  std::vector<ImageCounters> images;  // [N]
};

class Simulator {
 public:
  // threads: processes that share the images of a run; 0: one a processor.
  explicit Simulator(const Program& program, int threads = 0);

  Simulation run(std::span<const int32_t> input);

 private:
  Simulation run_process_on(std::span<const int32_t> input, int worker) const;

  size_t input_size_, output_size_;  // of an image
  int threads_;
  const ScratchFolder folder_{"simulator"};
};

}  // namespace odenet::engine
