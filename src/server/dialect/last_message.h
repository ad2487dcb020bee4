/// What dialects mean by a last message of the assistant's.
#pragma once

#include "banyan/chat_request.h"

namespace banyan {

/// Has the reply go on from the last message, where that is the assistant's and nothing but text, as in
/// Anthropic's and Ollama's dialects. REQUIRES: there is a message.
void go_on_from_last(ChatRequest& chat);

}  // namespace banyan
