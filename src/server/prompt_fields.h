/// Prompts as requests give them.
#pragma once

#include <string>
#include <vector>

#include "banyan/chat_template.h"
#include "banyan/vocabulary.h"
#include "server/json_fields.h"

namespace banyan {

/// A token id; anything but an integer inside the vocabulary is an error of the field `name`.
Result<Token> read_token(const Json& value, const std::string& name, const Vocabulary& vocabulary);

struct Prompt {
  std::vector<Token> tokens;
  std::string text;  ///< as it was given, or what the token ids say
};

/// The field `prompt`: a text, an array of token ids, texts and token ids mixed, or an array of several of
/// these. At the beginning of a prompt a text gets what the model wants there (BOS). Errors are left
/// in `fields`.
std::vector<Prompt> read_prompts(Fields& fields, const Vocabulary& vocabulary);

/// The prompt's text that the chat template makes of messages, tools, tool_choice,
/// add_generation_prompt and chat_template_kwargs. Errors are left in `fields`.
std::string read_chat(Fields& fields, const ChatTemplate& chat_template);

}  // namespace banyan
