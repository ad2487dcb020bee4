/// What Ollama's chats and generations say alike.
#pragma once

#include "banyan/server.h"
#include "server/dialect/reply_request.h"
#include "server/json_fields.h"

namespace banyan {

struct OllamaRequest : ReplyRequest {
  /// There is nothing to answer: the client wants the model in memory (or out of it, with a keep_alive of 0),
  /// where it always is.
  bool only_loads = false;
  bool unloads = false;
};

/// Reads `options`, `think`, `format`, `stream` and `keep_alive`. What of the options is about how Ollama
/// runs a model (num_ctx, num_gpu, ...) changes nothing here. Errors are left in `fields`.
void read_ollama_options(Fields& fields, const RequestDefaults& defaults, OllamaRequest& request);

}  // namespace banyan
