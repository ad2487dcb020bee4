/// What of a reply llama-server's clients and OpenAI's see alike: times and tokens.
#pragma once

#include "banyan/engine.h"
#include "server/json_fields.h"

namespace banyan {

/// Adds llama-server's `timings` to an object: cache_n is what was restored, prompt_n what was evaluated of
/// the prompt. Beside them matched_n; and beside `timings` restore_limit and limited_by, why less was
/// restored.
void add_timings(Json& object, const Timings& timings);

/// llama-server's `prompt_progress`.
Json progress_json(const Timings& timings);

/// A token as llama-server and OpenAI's chat give it: id, token, bytes, logprob and top_logprobs.
Json token_json(const GeneratedToken& token);

/// As llama-server gives it after sampling: prob and top_probs.
Json drawn_token_json(const GeneratedToken& token);

}  // namespace banyan
