/// llama-server's endpoints that need the vocabulary and the chat template only.
#pragma once

#include "server/answer.h"

namespace banyan {

/// POST /tokenize: the token ids of `content`. Errors: invalid_argument, naming the field.
Result<Json> tokenize(const Json& body, const ModelContext& context);
/// POST /detokenize: the text of `tokens`. Errors: as above.
Result<Json> detokenize(const Json& body, const ModelContext& context);
/// POST /apply-template: the prompt that /v1/chat/completions would make. Errors: as above.
Result<Json> apply_template(const Json& body, const ModelContext& context);

}  // namespace banyan
