/// What the events of a reply add up to.
///
/// Plain values: any thread that has one to itself.
#pragma once

#include <string>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/chat_event.h"

namespace banyan {

struct ChatReply {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> calls;

  /// REQUIRES: arguments come after a call.
  void add(const ChatEvent& event);
};

}  // namespace banyan
