/// OpenAI's POST /v1/chat/completions, and llama-server's .../input_tokens.
#pragma once

#include "server/answer.h"

namespace banyan {

/// Errors: invalid_argument or unsupported, naming the field.
Result<Job> read_openai_chat(const Json& body, const ModelContext& context);

/// How many tokens the prompt of such a chat has. Errors: as above.
Result<Json> count_openai_chat(const Json& body, const ModelContext& context);

}  // namespace banyan
