/// What requests are read against, and answers name.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "banyan/chat_template.h"
#include "banyan/server.h"
#include "banyan/vocabulary.h"
#include "chat/reply/reply_form.h"

namespace banyan {

/// What prompts are refused for before they are tokenized.
struct PromptLimits {
  std::size_t tokens = std::numeric_limits<std::size_t>::max();   ///< the context
  std::size_t token_bytes = 1;                                    ///< of the longest token
  std::size_t prompts = std::numeric_limits<std::size_t>::max();  ///< of a request
};

/// Outlives the answers that were made against it.
struct ModelContext {
  const Vocabulary& vocabulary;
  const ChatTemplate& chat_template;
  std::string model_id;
  PromptLimits limits = {};
  ReplyForm reply_form = {};  ///< how the model writes thoughts and calls
  RequestDefaults defaults = {};
};

}  // namespace banyan
