/// llama-server's POST /completion and /infill.
#pragma once

#include "server/answer.h"

namespace banyan {

/// Errors: invalid_argument or unsupported, naming the field.
Result<Job> read_llama_completion(const Json& body, const ModelContext& context);

/// POST /infill: input_prefix, input_suffix, input_extra ([{filename, text}]), and `prompt`, the beginning of
/// what is filled in. All else as above. Errors also: unsupported where the vocabulary has no tokens for it.
Result<Job> read_llama_infill(const Json& body, const ModelContext& context);

/// How replies are made, by llama-server's names: `generation_settings`.
/// Of what is not offered, the values that leave it off.
Json generation_settings(const Request& request, const Vocabulary& vocabulary);

}  // namespace banyan
