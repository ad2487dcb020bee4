/// The body of OpenAI's POST /v1/responses and /v1/responses/input_tokens.
#pragma once

#include "banyan/base.h"
#include "banyan/server.h"
#include "server/dialect/reply_request.h"
#include "server/json_fields.h"
#include "server/responses/response_store.h"
#include "server/responses/tools.h"

namespace banyan {

struct ResponsesRequest : ReplyRequest {
  FunctionNames names;               ///< of the tools
  bool is_stored = true;             ///< the response is to be kept, with `input`
  Json input = Json::array();        ///< the items of this request, each with an id
  Json echo;                         ///< the fields of the response object that repeat what was asked
  bool seals_thoughts = false;       ///< thoughts come as `encrypted_content` too
  bool summarizes_thoughts = false;  ///< thoughts come as summaries, in full
};

/// The conversation before it comes from `store`, where there is a previous_response_id; so do the items that
/// item_reference names, once each; those that are not kept are left out.
/// Errors: invalid_argument or unsupported, naming the field.
Result<ResponsesRequest> read_responses_request(const Json& body, ResponseStore& store,
                                                const RequestDefaults& defaults);

}  // namespace banyan
