// Which instruction sets Highway compiles kernels for; before any header of Highway.
#pragma once

// 32-bit NEON has no doubles: there plain C++ of vectors' size.
#if defined(__arm__)
#define HWY_COMPILE_ONLY_EMU128
#endif
// Vectors of SVE have no size at compile time, and so no arrays, of which the loops of the kernels keep their sums;
// ARM's boards have NEON.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
