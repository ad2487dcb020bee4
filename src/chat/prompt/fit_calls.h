/// Calls and results of a conversation, as a template takes them.
#pragma once

#include <vector>

#include "banyan/chat_request.h"
#include "chat/prompt/template_traits.h"

namespace banyan {

/// Numbers the calls, and gives each result the number and the function's name of its call.
void number_calls(CallIds ids, std::vector<Message>& messages);

/// A message for each call, with the results of that call behind it. REQUIRES: numbered calls.
void split_calls(std::vector<Message>& messages);

/// What an assistant says before its calls becomes a message of its own, with the thought.
void split_texts(std::vector<Message>& messages);

/// Calls, or results, as text in the form of describe_tools.
void write_calls(std::vector<Message>& messages);
void write_results(std::vector<Message>& messages);

}  // namespace banyan
