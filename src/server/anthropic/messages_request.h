/// The body of Anthropic's POST /v1/messages and /v1/messages/count_tokens.
#pragma once

#include "banyan/base.h"
#include "banyan/server.h"
#include "server/dialect/reply_request.h"
#include "server/json_fields.h"

namespace banyan {

struct MessagesRequest : ReplyRequest {
  bool hides_thoughts = false;  ///< thinking.display "omitted": thoughts are in their signatures only
};

/// Errors: invalid_argument or unsupported, naming the field.
Result<MessagesRequest> read_messages_request(const Json& body, const RequestDefaults& defaults);

/// As above, but max_tokens need not be there.
Result<MessagesRequest> read_count_request(const Json& body);

}  // namespace banyan
