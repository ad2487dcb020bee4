/// Layouts in words, of which descriptions of layer groups are made.
#pragma once

#include <format>
#include <string>

#include "banyan/kv_layout.h"

namespace banyan {

inline std::string describe(const KvLayout& layout) {
  return std::format("{} layers, {} heads, keys {}, values {}", layout.layers, layout.kv_heads,
                     layout.key_dim, layout.value_dim);
}

}  // namespace banyan
