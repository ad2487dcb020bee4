/// Which dialect a path is of, and how it tells errors.
#pragma once

#include <string_view>

#include "server/http/http_errors.h"
#include "server/json_fields.h"

namespace banyan {

/// An error as the body of an answer.
using ErrorForm = Json (*)(const HttpError&);

/// Anthropic's below /v1/messages, Ollama's below /api, also where a client that was told a wrong base URL
/// has something else in front of these (/v1/v1/messages). OpenAI's for all others, also those that there are
/// not.
ErrorForm error_form(std::string_view path);

/// The folder of a path's dialect: "/v1/messages", "/api", or "/v1" for all others.
std::string_view dialect_folder(std::string_view path);

}  // namespace banyan
