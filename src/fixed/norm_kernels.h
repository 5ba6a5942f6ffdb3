// The inner loops of the online norm (fixed/online_norm.h), vectorised as those of fixed/conv_kernels.h: kLanes
// channels of a map at a time, `map` being their first value.
//
//   Moments moments[kLanes];
//   sum_channels(map, pixels, pitch, moments);
//   count += normalise(finish, mean, map, pixels, pitch, output);
#pragma once

#include "fixed/conv_kernels.h"
#include "fixed/online_norm.h"

namespace odenet::fixed::kernels {

void sum_channels(const int32_t* map, int pixels, int pitch, Moments* moments);

// output = finish(clamp(c - mean)). The pointers of `finish` begin with these channels, as `mean` and `output` do.
Saturations normalise(const Finish& finish, const int32_t* mean, const int32_t* map, int pixels, int pitch,
                      int32_t* output);

}  // namespace odenet::fixed::kernels
