// What an engine asks of the block or network that it is to run; each throws Error with its name and the reason.
//
//   require_supported(block, formats);
//   require_lanes(block, lanes);
//   require_consistent(block, formats);
#pragma once

#include "engine/program.h"
#include "fixed/network.h"

namespace odenet::engine {

// Most bits of a weight; fewest of a weight and of an activation.
inline constexpr int kWeightWidth = 25, kLeastWidth = 8;

// The largest sum of |w| for which the accumulator of a lane of one DSP48E1 cannot overflow, whatever the activations
// are: sum |w| * 2^(width - 1) < 2^47. That of two is fixed::accumulator_bound.
constexpr int64_t one_dsp_bound(fixed::Format activation) {
  return (int64_t{1} << (fixed::kAccumulatorBits - activation.width)) - 1;
}

// Whether a multiply-accumulate lane can be one DSP48E1: operands of at most 25 x 18 bits, and no sum above that bound.
bool one_dsp_suffices(const fixed::Block& block, const fixed::Formats& formats);
bool one_dsp_suffices(const fixed::Network& network);

// Every reason that does not depend on the number of lanes.
void require_supported(const fixed::Block& block, const fixed::Formats& formats);
void require_supported(const fixed::Network& network);

void require_lanes(const fixed::Block& block, Lanes lanes);
void require_lanes(const fixed::Network& network, Lanes lanes);

// The memories of a program are copied from the block's tensors; a length that does not fit it would be an engine that
// is wrong.
void require_consistent(const fixed::Block& block, const fixed::Formats& formats);
void require_consistent(const fixed::Network& network);

}  // namespace odenet::engine
