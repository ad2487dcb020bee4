/// OpenAI's POST /v1/responses and /v1/responses/input_tokens.
#pragma once

#include "server/answer.h"
#include "server/model_context.h"
#include "server/responses/response_store.h"

namespace banyan {

/// The response goes to the store when it is whole, unless its client does not want that; the store outlives
/// the job. Errors: invalid_argument or unsupported, naming the field, and too_long.
Result<Job> responses_job(const Json& body, const ModelContext& context, ResponseStore& store);
Result<Json> count_response_tokens(const Json& body, const ModelContext& context, ResponseStore& store);

}  // namespace banyan
