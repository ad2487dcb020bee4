/// What a response answers: `instructions`, `previous_response_id` and `input`.
#pragma once

#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"
#include "server/responses/response_store.h"
#include "server/responses/tools.h"

namespace banyan {

struct ResponsesInput {
  std::vector<Message> messages;
  Json items = Json::array();  ///< of `input` alone, each with an id and without references
};

/// Errors: invalid_argument or unsupported, naming the field.
Result<ResponsesInput> read_responses_input(const Json& body, const FunctionNames& names,
                                            ResponseStore& store);

}  // namespace banyan
