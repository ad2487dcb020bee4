/// What every dialect's reader makes of a body.
#pragma once

#include "banyan/engine.h"
#include "banyan/chat_request.h"

namespace banyan {

/// The next reply of a chat.
struct ReplyRequest {
  ChatRequest chat;
  Request generation;  ///< sampling, max_tokens, stop; the prompt is still to be made of the chat
  bool streams = false;
};

}  // namespace banyan
