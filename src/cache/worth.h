/// What a restore point is worth, and where there should be some.
#pragma once

#include <algorithm>
#include <cstddef>

namespace banyan {

/// Whether a restore point at `before` makes one at `offset` nearly useless: few tokens are evaluated
/// again without it, measured by what was evaluated to get there.
inline bool is_near(std::size_t before, std::size_t offset) {
  constexpr std::size_t kFew = 32;
  constexpr std::size_t kFewPart = 32;
  return offset - before <= std::max(kFew, offset / kFewPart);
}

/// Tokens before a prompt's end where it can be read again: more than a token, for the logits, and
/// more than templates are seen to vary in how they open a reply.
inline constexpr std::size_t kRetryTokens = 4;

/// The next point below one at `depth` where no message begins for long.
inline std::size_t next_below(std::size_t depth) { return depth + std::max(std::size_t{256}, depth / 16); }

}  // namespace banyan
