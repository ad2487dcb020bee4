/// OpenAI's POST /v1/completions.
#pragma once

#include "server/answer.h"

namespace banyan {

/// Errors: invalid_argument or unsupported, naming the field.
Result<Job> read_openai_completion(const Json& body, const ModelContext& context);

}  // namespace banyan
