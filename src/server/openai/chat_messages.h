/// OpenAI's form of a conversation: the fields of a chat request that its prompt depends on.
#pragma once

#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// messages, tools, tool_choice, parallel_tool_calls, reasoning_effort, llama-server's chat_template_kwargs,
/// thinking_budget_tokens, add_generation_prompt and continue_final_message, and what other makers' chats
/// have: reasoning, think, enable_thinking and thinking. As there, the reply goes on from a
/// last message that is the assistant's, unless the request says otherwise. What the clients in use write is
/// taken: contents that are null, lists that are empty or null, thoughts that are repeated, marks of caches.
/// Errors: invalid_argument or unsupported, naming the field ("messages[1].content").
Result<ChatRequest> read_chat_request(const Json& body);

}  // namespace banyan
