/// The most probable tokens, found without sorting or copying a vocabulary.
#pragma once

#include <llama.h>

#include <cstddef>
#include <span>
#include <vector>

namespace banyan {

bool any_is_nan(std::span<const float> logits);

/// Fills `best` with the `count` (or all, when fewer) tokens of the highest logits, best first; of
/// equals the lower id. REQUIRES: the logits are numbers.
void find_best_logits(std::span<const float> logits, std::size_t count, std::vector<llama_token_data>& best);

}  // namespace banyan
