/// Anthropic's `tools` and `tool_choice`.
#pragma once

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// Reads tools, tool_choice and parallel_calls into `chat`. Tools that Anthropic's servers run themselves, or
/// whose form only their models know (those with a `type` other than "custom"), are left out. Errors are left
/// in `fields`.
void read_anthropic_tools(Fields& fields, ChatRequest& chat);

}  // namespace banyan
