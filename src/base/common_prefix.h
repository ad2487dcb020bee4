/// How far two token paths go together.
#pragma once

#include <cstddef>

#include "banyan/base.h"

namespace banyan {

/// How many tokens `a` and `b` have in common at their start, found at the speed of memory. Any thread.
std::size_t common_prefix(TokenSpan a, TokenSpan b);

}  // namespace banyan
