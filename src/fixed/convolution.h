// An integer convolution with all that follows it before the next one: norm, sum with another map, ReLU.
//
//   const Convolution conv(layer);                                             // of conv_layers()
//   Convolution::Scratch scratch;                                              // one a thread
//   saturations = conv.run({.input = x, .relu = true}, scratch, nullptr, y);   // Map x -> Map y
//
// How the sums are formed exactly, and fast, is described in fixed/conv_kernels.h; which way is chosen by the formats
// and by the range of the input. The constructor throws Error if the weights break the accumulator proof.
#pragma once

#include <cstdint>
#include <vector>

#include "fixed/map.h"
#include "fixed/network.h"
#include "fixed/parallel.h"

namespace odenet::fixed {

class Convolution {
 public:
  struct Scratch {
    AlignedVector<double> low, high;  // the widened input, or its parts
    AlignedVector<int16_t> narrow;
    Map sums;  // before an online norm
  };

  struct Job {
    const Map& input;
    int execution = 0;
    const Map* added = nullptr;  // to the normed output, which it may be
    Format added_format{};
    bool relu = false;
  };

  explicit Convolution(const ConvLayer& layer);

  // `pool`: threads that share this image, or null.
  kernels::Saturations run(const Job& job, Scratch& scratch, ThreadPool* pool, Map& output) const;

  const LayerFormats& formats() const { return formats_; }

 private:
  void pack(const Conv& conv);
  kernels::Saturations normalise(const kernels::Finish& finish, const Map& sums, int channel, Map& output) const;
  int find_flush(const Conv& conv) const;

  LayerFormats formats_;
  int in_channels_, channels_, stride_, kernel_;
  bool depthwise_, online_;
  int plane_channels_;            // of the widened input
  int64_t weight_sum_;            // largest of an output channel
  int flush_ = 0;                 // kInt16: steps between carries; 0: not possible
  AlignedVector<double> weight_;  // as the kernels want it
  AlignedVector<int16_t> narrow_weight_;
  std::vector<int32_t> bias_;    // [executions, border classes, pitch], or empty
  std::vector<int32_t> scale_;   // [executions, pitch], or empty; gamma of an online norm
  std::vector<int64_t> offset_;  // [executions, pitch]: shift and a half
};

}  // namespace odenet::fixed
