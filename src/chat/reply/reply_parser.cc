#include "chat/reply/reply_parser.h"

#include <utility>

#include "chat/reply/callable_tools.h"

namespace banyan {

ReplyParser::ReplyParser(const ReplyForm& form, const ChatRequest& request, std::string_view prompt,
                         std::function<std::string()> make_id)
    : events_(std::make_unique<ReplyEvents>()) {
  ReplyReaderParts parts{.form = form,
                         .tools = callable_tools(request),
                         .make_id = std::move(make_id),
                         .events = *events_,
                         .is_thinking = opens_thought(form, request, prompt)};
  reader_ = form.has_channels ? read_channels(std::move(parts), prompt)
                              : read_marked_reply(std::move(parts), prompt);
}

std::vector<ChatEvent> ReplyParser::add(std::string_view text) {
  for (const char c : text) reader_->take(c);
  return events_->take();
}

std::vector<ChatEvent> ReplyParser::end(bool by_model) {
  reader_->end(by_model);
  return events_->take();
}

}  // namespace banyan
