#include "server/dialect/last_message.h"

#include "chat/prompt/message_text.h"
#include "server/dialect/text_parts.h"

namespace banyan {

void go_on_from_last(ChatRequest& chat) {
  const Message& last = chat.messages.back();
  if (last.role != Role::assistant || !last.calls.empty() || joined_text(last.content).empty()) return;
  chat.continues_last = true;
  chat.opens_reply = false;
}

}  // namespace banyan
