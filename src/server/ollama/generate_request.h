/// The body of Ollama's POST /api/generate.
#pragma once

#include <string>
#include <vector>

#include "banyan/base.h"
#include "banyan/server.h"
#include "server/json_fields.h"
#include "server/ollama/options.h"

namespace banyan {

struct GenerateRequest : OllamaRequest {
  bool is_raw = false;  ///< the prompt is `prompt` as it is, not the chat
  std::string prompt;
  std::string suffix;          ///< what is to follow the reply; "" for none
  std::vector<Token> context;  ///< tokens of what was said before, which the prompt goes on from
};

/// A prompt that is not raw becomes a chat of a system's and a user's message.
/// Errors: invalid_argument or unsupported, naming the field.
Result<GenerateRequest> read_ollama_generate(const Json& body, const RequestDefaults& defaults);

}  // namespace banyan
