/// Errors as Anthropic's clients see them.
#pragma once

#include <string>

#include "server/http/http_errors.h"
#include "server/json_fields.h"

namespace banyan {

/// {type: "error", error: {type, message}, request_id}. Of a prompt that is too long the message says so in
/// the words by which clients know that they must compact; of a `thread`, the details by which the SDK goes
/// on with the full history.
Json anthropic_error(const HttpError& error, const std::string& request_id);

}  // namespace banyan
