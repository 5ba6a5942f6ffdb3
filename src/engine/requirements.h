// What an engine asks of the block or network that it is to run; each throws Error with its name and the reason.
//
//   require_supported(block, formats);
//   require_lanes(block, lanes);
//   require_consistent(block, formats);
#pragma once

#include <algorithm>

#include "engine/program.h"
#include "fixed/network.h"

namespace odenet::engine {

// Most bits of a weight; fewest of a weight and of an activation.
inline constexpr int kWeightWidth = 25, kLeastWidth = 8;

// The largest sum of |w| for which no accumulator of a lane of so many DSP48E1 can overflow, whatever the activations
// are. One: sum |w| * 2^(width - 1) < 2^47. Two: that of hw/rtl/mac_lane.v, whose low part has 17 bits without a sign
// even where activations have fewer and their sign fills it: they count as numbers of 18 bits.
constexpr int64_t lane_bound(fixed::Format activation, int dsps) {
  if (dsps == 1) return (int64_t{1} << (fixed::kAccumulatorBits - activation.width)) - 1;
  return fixed::accumulator_bound({std::max(activation.width, fixed::kLowBits + 1), activation.fraction});
}

// DSP48E1 of a multiply-accumulate lane: one for operands of at most 25 x 18 bits and sums that it holds, else two.
// Throws Error where two do not hold them either.
int lane_dsps(const fixed::Block& block, const fixed::Formats& formats);
int lane_dsps(const fixed::Network& network);

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
