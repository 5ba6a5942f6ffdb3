// Formats of so many bits for every layer, chosen from a network's weights and from the values that images cause.
//
//   Calibration calibration(fixed::quantize(checkpoint));  // in Q20, fine enough to stand for the float network
//   calibration.run(images);                               // of the training split
//   Network net = quantize(checkpoint, {.formats = calibration.formats(8)});
//
// Of each point the fraction is taken for which rounding and saturation together err least, as the sum of squares, over
// all values that have its format (fixed::Shown); where one bit less costs next to nothing, it is kept free for images
// that bring larger values. Weights and pixels, which must not saturate, always fit.
#pragma once

#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "fixed/runner.h"

namespace odenet::fixed {

// Values of which the power-of-two range is to be found.
class ValueSample {
 public:
  void add(double value);
  // Of numbers of `width` bits: the fraction of least squared error, or the largest one with which all fit.
  int best_fraction(int width, bool must_fit) const;

 private:
  std::vector<float> values_;  // a random choice of them
  std::mt19937_64 random_;     // from a fixed seed
  int64_t seen_ = 0;
  double low_ = 0, high_ = 0;
};

class Calibration {
 public:
  explicit Calibration(Network network, int threads = 0);

  void run(std::span<const uint8_t> images);  // [N, C, H, W], any number

  // Activations of `bits` bits and weights of as many, at most 25, each point and layer with its own fraction.
  // Throws Error before any image was seen.
  Formats formats(int bits) const;

 private:
  Runner runner_;
  std::map<std::string, ValueSample, std::less<>> activations_;
  bool ran_ = false;
};

}  // namespace odenet::fixed
