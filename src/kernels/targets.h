/// Which instruction sets the kernels are compiled for. Include before Highway.
#pragma once

// Instruction sets that would gain nothing here, or whose vectors have no fixed size.
#define HWY_DISABLED_TARGETS                                                                    \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_AVX10_2 | HWY_NEON | \
   HWY_NEON_BF16 | HWY_ALL_SVE)
