/// Which dialect a path is of, and how it tells errors.
#pragma once

#include <string_view>

#include "server/http/http_errors.h"
#include "server/json_fields.h"

namespace banyan {

/// An error as the body of an answer.
using ErrorForm = Json (*)(const HttpError&);

/// Anthropic's below /v1/messages, Ollama's below /api, OpenAI's for all others, also those that there are
/// not.
ErrorForm error_form(std::string_view path);

}  // namespace banyan
