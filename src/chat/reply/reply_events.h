/// Gathers what happens in a reply.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_event.h"

namespace banyan {

class ReplyEvents {
 public:
  void add(ChatEvent::Kind kind, std::string_view text);
  void begin_call(std::string id, std::string name);
  void add_arguments(std::string_view json);
  /// The call has come to its end: it is whole where its arguments are JSON.
  void end_call();
  /// Those since the last time.
  std::vector<ChatEvent> take();

 private:
  std::vector<ChatEvent> events_;
  std::string arguments_;  // of the call so far
};

}  // namespace banyan
