/// How far two token paths, or texts, go together.
#pragma once

#include <cstddef>
#include <string_view>

#include "banyan/base.h"

namespace banyan {

/// How many tokens `a` and `b` have in common at their start, found at the speed of memory. Any thread.
std::size_t common_prefix(TokenSpan a, TokenSpan b);
/// How many bytes.
std::size_t common_prefix(std::string_view a, std::string_view b);

}  // namespace banyan
