/// Writing keys and values into segments.
#pragma once

#include <cstddef>

#include "banyan/kv_layout.h"

namespace banyan::kernels {

/// Writes one token's keys [kv_heads][key_dim] and values [kv_heads][value_dim] of `layer` as
/// token `at` of a segment: rounded to the nearest, and limited to what a half can hold where they
/// are halves or q8_0. Blocks of q8_0 have the scale and the numbers that llama.cpp gives them, and
/// a NaN counts as 0. Threads may write different tokens of a segment at once.
void write_token(const KvLayout& layout, int layer, std::byte* segment, int capacity, int at,
                 const float* keys, const float* values);

}  // namespace banyan::kernels
