// What an engine asks of the block that it is to run; each throws Error with the block's name and the reason.
//
//   require_supported(block, formats);
//   require_lanes(block, lanes);
//   require_consistent(block, formats);
#pragma once

#include "engine/compiler.h"

namespace odenet::engine {

inline constexpr int kWeightWidth = 25;

// Every reason that does not depend on the number of lanes.
void require_supported(const fixed::Block& block, const fixed::Formats& formats);

void require_lanes(const fixed::Block& block, Lanes lanes);

// The memories of a program are copied from the block's tensors; a length that does not fit it would be an engine that
// is wrong.
void require_consistent(const fixed::Block& block, const fixed::Formats& formats);

}  // namespace odenet::engine
