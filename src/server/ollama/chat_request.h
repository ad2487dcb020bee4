/// The body of Ollama's POST /api/chat.
#pragma once

#include "banyan/base.h"
#include "banyan/server.h"
#include "server/json_fields.h"
#include "server/ollama/options.h"

namespace banyan {

/// Calls and results without ids get some, the same for the same messages.
/// Errors: invalid_argument or unsupported, naming the field.
Result<OllamaRequest> read_ollama_chat(const Json& body, const RequestDefaults& defaults);

}  // namespace banyan
