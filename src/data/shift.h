// A copy of a data set from another world, for trying domain adaptation without a download: the same pictures and
// labels, as if taken through mist by another camera.
//
//   Dataset target = shifted(make_sample("train"), 1);   // what `sample-shifted` is
//
// Each image is blurred (1 2 1 over 4, down and across, held at the border), its contrast reduced and each channel
// raised by an offset of its own, and noise added to every pixel: integers, the same bytes on every machine.
#pragma once

#include <cstdint>

#include "data/dataset.h"

namespace odenet::data {

// stream: of the noise; image i's follows from (stream, i).
Dataset shifted(Dataset dataset, uint64_t stream);

}  // namespace odenet::data
