/// Ollama's POST /api/chat and /api/generate.
#pragma once

#include <variant>

#include "server/answer.h"
#include "server/model_context.h"

namespace banyan {

/// Work for the engine, or what is answered at once, where the model was only to be loaded.
using OllamaJob = std::variant<Job, Json>;

/// Errors: invalid_argument or unsupported, naming the field, and too_long.
Result<OllamaJob> ollama_chat_job(const Json& body, const ModelContext& context);
Result<OllamaJob> ollama_generate_job(const Json& body, const ModelContext& context);

}  // namespace banyan
