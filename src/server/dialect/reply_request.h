/// What every dialect's reader makes of a body.
#pragma once

#include "banyan/chat_request.h"
#include "banyan/engine.h"

namespace banyan {

/// The next reply of a chat.
struct ReplyRequest {
  ChatRequest chat;
  Request generation;  ///< sampling, max_tokens, stop; the prompt is still to be made of the chat
  bool streams = false;
};

}  // namespace banyan
