/// How a reply is made, as requests say it: the fields that OpenAI and llama-server name alike, and
/// llama-server's more, which its clients send to either.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "banyan/engine.h"
#include "banyan/vocabulary.h"
#include "server/json_fields.h"

namespace banyan {

/// Reads temperature, top_k, top_p, min_p, repeat_penalty (or repetition_penalty), repeat_last_n,
/// presence_penalty, frequency_penalty and seed. Errors are left in `fields`.
void read_sampling_numbers(Fields& fields, Sampling& sampling);

/// Reads a string or an array of them. Errors are left in `fields`.
void read_stop(Fields& fields, const char* name, std::vector<std::string>& stop);

/// Reads these numbers, samplers, logit_bias, `stop`, ignore_eos, t_max_predict_ms and cache_prompt, and
/// refuses what would change the reply and is not offered. Errors are left in `fields`.
void read_sampling(Fields& fields, const Vocabulary& vocabulary, Request& request);

/// The most tokens of a reply by the names that it has: the last that is there counts. -1: as far as the
/// context goes.
int read_max_tokens(Fields& fields, std::initializer_list<const char*> names, int fallback);

}  // namespace banyan
