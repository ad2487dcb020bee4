/// How a reply is made, as requests say it: the fields that OpenAI and llama-server name alike, and
/// llama-server's more, which its clients send to either.
#pragma once

#include "banyan/engine.h"
#include "banyan/vocabulary.h"
#include "server/json_fields.h"

namespace banyan {

/// Reads temperature, top_k, top_p, min_p, repeat_penalty, repeat_last_n, presence_penalty,
/// frequency_penalty, seed, logit_bias, grammar, response_format, stop, ignore_eos and cache_prompt, and
/// refuses the samplers that there are not. Errors are left in `fields`.
void read_sampling(Fields& fields, const Vocabulary& vocabulary, Request& request);

}  // namespace banyan
