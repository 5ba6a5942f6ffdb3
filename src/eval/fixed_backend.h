// The integer network as a backend of `odenet eval`.
//
//   eval::FixedBackend backend(fixed::Network::load("runs/a/q20.safetensors"));
//   eval::Metrics metrics = eval::evaluate(backend, {images, labels});
//
// Values are converted to float by 2^-fraction; float32 keeps 24 of their up to 32 bits. What must agree in every bit
// is compared as integers, by fixed::Runner and by the exported simulation.
#pragma once

#include <string>
#include <vector>

#include "eval/backend.h"
#include "fixed/runner.h"

namespace odenet::eval {

class FixedBackend : public Backend {
 public:
  explicit FixedBackend(fixed::Network network, int threads = 0);  // threads 0: one a processor

  std::string name() const override { return "fixed"; }
  int classes() const override { return runner_.network().spec.classes; }
  const std::string& dataset() const override { return runner_.network().dataset; }
  std::vector<float> logits(std::span<const uint8_t> images, const Tap& tap = {}) override;

  std::vector<std::pair<std::string, double>> counts() const override;  // saturations

  fixed::Runner& runner() { return runner_; }
  const fixed::Runner& runner() const { return runner_; }

 private:
  fixed::Runner runner_;
};

}  // namespace odenet::eval
