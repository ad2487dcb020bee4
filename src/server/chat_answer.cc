#include "server/chat_answer.h"

#include <iterator>
#include <utility>

#include "server/dialect/ids.h"

namespace banyan {

ChatAnswer::ChatAnswer(const ReplyForm& form, const ChatRequest& request, std::string_view prompt,
                       int choices, bool streams)
    : Answer(1, choices, streams) {
  for (int i = 0; i < choices; ++i) {
    Reader& reader =
        readers_.emplace_back(ReplyParser(form, request, prompt, [] { return random_id("call_"); }));
    reader.is_thinking = opens_thought(form, request, prompt);
  }
}

int ChatAnswer::reasoning_tokens() const {
  int tokens = 0;
  for (const Reader& reader : readers_) tokens += reader.reasoning_tokens;
  return tokens;
}

std::vector<WireEvent> ChatAnswer::take(std::size_t index, const Delta& delta) {
  Reader& reader = readers_[index];
  std::vector<ChatEvent> events = reader.parser.add(delta.text);
  if (delta.finish != Finish::none) {
    std::vector<ChatEvent> rest = reader.parser.end(delta.finish == Finish::end);
    events.insert(events.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  }
  // A delta is mostly one token, which is of one kind. Where nothing is told of it yet, it may be of the mark
  // that ends the thought.
  for (const ChatEvent& event : events) {
    reader.is_thinking = event.kind == ChatEvent::Kind::reasoning;
    if (event.kind == ChatEvent::Kind::call) reader.is_calling = true;
    if (event.kind == ChatEvent::Kind::call_end) reader.is_calling = false;
  }
  const auto tokens = static_cast<int>(delta.tokens.size());
  if (!reader.is_thinking) {
    reader.held_tokens = 0;
  } else if (events.empty()) {
    reader.held_tokens += tokens;
  } else {
    reader.reasoning_tokens += std::exchange(reader.held_tokens, 0) + tokens;
  }
  if (delta.finish != Finish::stop || !reader.is_calling) return tell(index, events, delta);
  // A call that a stop text cuts is no whole one, and clients must not take it for that.
  Delta cut = delta;
  cut.finish = Finish::length;
  set_finish(index, cut.finish);
  return tell(index, events, cut);
}

}  // namespace banyan
