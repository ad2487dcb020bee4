/// How much a model is to think about its reply, as several dialects say it.
#pragma once

#include <string>

#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// A known word for how hard to think, "none" among them; "" where the field is not there, or is "default" or
/// "auto". Any other word is an error, which is left in `fields` and lists them.
std::string read_effort(Fields& fields, const char* name);

/// Has the model think so hard, or not at all: "none". Nothing changes where `effort` is "".
void think(ReasoningOptions& reasoning, const std::string& effort);

/// {type: "enabled" | "adaptive" | "disabled", budget_tokens} with the path "thinking.": Anthropic's, which
/// clients of other makers' chats send too. Errors are left in `fields`.
void read_thinking(Fields& fields, ReasoningOptions& reasoning);

}  // namespace banyan
