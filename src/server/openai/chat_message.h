/// A chat's reply as OpenAI's message: whole, and piece by piece.
#pragma once

#include <cstddef>
#include <vector>

#include "banyan/engine.h"
#include "chat/chat_event.h"
#include "chat/chat_reply.h"
#include "server/json_fields.h"

namespace banyan {

/// {role, content, refusal}, and reasoning_content and tool_calls where there are any. The content is null
/// where there are calls alone.
Json message_json(const ChatReply& reply);

/// As finish_reason(), but "tool_calls" where the model ended its reply and called.
Json chat_finish_reason(Finish finish, const ChatReply& reply);

/// The objects `delta` of one choice's chunks.
class MessageDeltas {
 public:
  /// What comes before all others, once: the role.
  std::vector<Json> begin();
  /// What there is to tell of an event; nothing for some.
  std::vector<Json> add(const ChatEvent& event);

 private:
  bool begun_ = false;
  std::size_t calls_ = 0;
};

}  // namespace banyan
