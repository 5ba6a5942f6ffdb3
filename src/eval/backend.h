// Three backends, one question: the logits of some images. Implementations: nn/float_backend.h (LibTorch),
// eval/fixed_backend.h (integer network), eval/rtl_backend.h (one layer in the simulated engine).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace odenet::eval {

// Receives the values of one observation point for one batch, NCHW, in real units. Points, in network order: "conv1";
// for each block and execution i "<block>[i].hidden" (after the first norm and ReLU) and "<block>[i]" (its output;
// "[i]" only in ODEBlocks); "pool" [N, features]; "fc" (the logits).
using Tap = std::function<void(std::string_view point, std::span<const float> values)>;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual int classes() const = 0;
  virtual const std::string& dataset() const = 0;  // the data set the network was trained on
  // images: [N, 3, H, W] raw pixel bytes; returns [N, classes].
  virtual std::vector<float> logits(std::span<const uint8_t> images, const Tap& tap = {}) = 0;
  // What it counted so far, for reports, as "saturations"; names are words with underscores. Empty where nothing
  // counts.
  virtual std::vector<std::pair<std::string, double>> counts() const { return {}; }
};

}  // namespace odenet::eval
