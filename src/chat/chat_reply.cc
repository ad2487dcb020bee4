#include "chat/chat_reply.h"

#include "banyan/base.h"

namespace banyan {

void ChatReply::add(const ChatEvent& event) {
  switch (event.kind) {
    case ChatEvent::Kind::text:
      text += event.text;
      break;
    case ChatEvent::Kind::reasoning:
      reasoning += event.text;
      break;
    case ChatEvent::Kind::call:
      calls.push_back({.id = event.id, .name = event.name, .arguments = ""});
      break;
    case ChatEvent::Kind::arguments:
      require(!calls.empty(), "ChatReply: arguments of no call");
      calls.back().arguments += event.text;
      break;
    case ChatEvent::Kind::call_end:
      break;
  }
}

}  // namespace banyan
