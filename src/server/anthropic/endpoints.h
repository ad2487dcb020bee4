/// Anthropic's POST /v1/messages and /v1/messages/count_tokens.
#pragma once

#include "server/answer.h"
#include "server/model_context.h"

namespace banyan {

/// Errors: invalid_argument or unsupported, naming the field, and too_long.
Result<Job> messages_job(const Json& body, const ModelContext& context);
Result<Json> count_message_tokens(const Json& body, const ModelContext& context);

}  // namespace banyan
