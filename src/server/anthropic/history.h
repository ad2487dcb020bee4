/// Anthropic's `system` and `messages`.
#pragma once

#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// `system`: a text, text blocks, or null. Results of tools, which are blocks of the user's messages, become
/// messages of their own; those of failed calls begin with "Error: ". What changes with every request and
/// means nothing to a model (x-anthropic-billing-header) is left out.
/// Errors: invalid_argument or unsupported, naming the field ("messages[1].content[0].type").
Result<std::vector<Message>> read_anthropic_history(const Json& system, const Json& messages);

}  // namespace banyan
