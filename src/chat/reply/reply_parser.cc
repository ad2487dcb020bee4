// Until replies are read, all of them is text.
#include "chat/reply/reply_parser.h"

namespace banyan {

ReplyParser::ReplyParser(const ReplyForm&, const ChatRequest&, std::string_view,
                         std::function<std::string()>) {}

std::vector<ChatEvent> ReplyParser::add(std::string_view text) {
  if (text.empty()) return {};
  return {{.kind = ChatEvent::Kind::text, .text = std::string(text)}};
}

std::vector<ChatEvent> ReplyParser::end() { return {}; }

bool opens_thought(const ReplyForm&, std::string_view) { return false; }

}  // namespace banyan
