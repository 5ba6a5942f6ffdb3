// The proof that no accumulator of the engine overflows, from the weights alone: see accumulator_bound() in
// fixed/arithmetic.h. A network that breaks it is refused when it is quantized, run and exported.
//
//   for (const AccumulatorProof& p : prove_accumulators(net)) ... p.layer, p.channel, p.weight_sum, p.bound
//   require_accumulators_fit(net);  // Error naming layer, output channel, sum and bound
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fixed/network.h"

namespace odenet::fixed {

struct AccumulatorProof {
  std::string layer;       // "conv1", "layer3_2.0.conv1", "fc"
  int channel = 0;         // the output channel with the largest sum
  int64_t weight_sum = 0;  // its sum of |w|, as integers
  int64_t bound = 0;       // the largest sum that cannot overflow

  bool holds() const { return weight_sum <= bound; }
};

// weights: [channels, ...].
AccumulatorProof prove_accumulator(std::string layer, std::span<const int32_t> weights, int channels, Format input);

// One for each convolution and the fully connected layer, in network order.
std::vector<AccumulatorProof> prove_accumulators(const Network& network);

// Of the convolutions of one block, whose input has the formats' activation format.
std::vector<AccumulatorProof> prove_accumulators(const Block& block, const Formats& formats);

void require_accumulator_fits(const AccumulatorProof& proof, Format weight);
void require_accumulators_fit(const Network& network);
void require_accumulators_fit(const Block& block, const Formats& formats);

}  // namespace odenet::fixed
