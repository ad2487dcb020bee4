/// Who gets how many rows of a step.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace banyan {

/// `todo`: the tokens that each sequence has yet to evaluate (one or more), the oldest sequence
/// first. Returns how many of them to evaluate now, at most `batch_tokens` together.
///
/// A sequence with one token left is a reply that waits for its next token, or a prompt about to
/// become one: all of these go on. Prompts share what remains, but only a quarter of the batch while
/// replies run beside them, so that replies keep coming. The oldest prompt is sure of a quarter of
/// the prompts' rows and so never starves; the rest goes to those that need fewest, so that a short
/// prompt does not wait for a long one.
std::vector<std::size_t> share_rows(std::span<const std::size_t> todo, std::size_t batch_tokens);

}  // namespace banyan
