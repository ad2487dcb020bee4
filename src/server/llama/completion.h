/// llama-server's POST /completion.
#pragma once

#include "server/answer.h"

namespace banyan {

/// Errors: invalid_argument or unsupported, naming the field.
Result<Job> read_llama_completion(const Json& body, const ModelContext& context);

/// How replies are made, by llama-server's names: `generation_settings`.
Json generation_settings(const Request& request);

}  // namespace banyan
