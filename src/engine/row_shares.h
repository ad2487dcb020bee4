/// Who gets how many rows of a step.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace banyan {

/// Prompts alone get no fewer rows of a step: reading the weights would take most of its time.
inline constexpr std::size_t kLeastRowsAlone = 32;

/// `todo`: the tokens that each sequence can evaluate, none where it has to wait, the oldest sequence
/// first. Returns how many of them to evaluate now, at most `batch_tokens` together.
///
/// A sequence with one token left is a reply that waits for its next token, or a prompt about to
/// become one: all of these go on. Prompts share what remains, but at most `prompt_rows`. The oldest
/// prompt is sure of a quarter of the prompts' rows and so never starves; the rest goes to those that
/// need fewest, so that a short prompt does not wait for a long one.
std::vector<std::size_t> share_rows(std::span<const std::size_t> todo, std::size_t batch_tokens,
                                    std::size_t prompt_rows);

/// How many rows prompts get beside so many replies, when about `wanted` are: some at least, and so
/// that the rows of a step come in few numbers, multiples of what the kernels take at once.
std::size_t round_prompt_rows(std::size_t replies, std::size_t wanted);

/// How many rows prompts get when no reply runs and about `wanted` fit the time that a step may take: between
/// kLeastRowsAlone and `most`, in few numbers too.
std::size_t round_rows_alone(std::size_t wanted, std::size_t most);

}  // namespace banyan
