// Any bytes are a reply in the form of any family: read whole and byte by byte, with the same events.
#include <cstdint>
#include <string_view>
#include <vector>

#include "chat/reply/reply_parser.h"
#include "chat/reply_families.h"

namespace {

using banyan::ChatEvent;

void join(std::vector<ChatEvent>& all, const std::vector<ChatEvent>& events) {
  for (const ChatEvent& event : events) {
    const bool goes_on = !all.empty() && all.back().kind == event.kind && !event.text.empty();
    if (goes_on) {
      all.back().text += event.text;
    } else {
      all.push_back(event);
    }
  }
}

std::vector<ChatEvent> parse(const banyan::ReplyForm& form, std::string_view reply, std::size_t piece) {
  static const banyan::ChatRequest request = banyan::test::weather_request();
  banyan::ReplyParser parser(form, request, form.reasoning.begin, [] { return "id"; });
  std::vector<ChatEvent> events;
  for (std::size_t at = 0; at < reply.size(); at += piece) join(events, parser.add(reply.substr(at, piece)));
  join(events, parser.end());
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto forms = [] {
    std::vector<banyan::ReplyForm> learned;
    for (const auto& family : banyan::test::reply_families()) learned.push_back(learned_form(family));
    return learned;
  }();
  if (size == 0) return 0;
  const banyan::ReplyForm& form = forms[data[0] % forms.size()];
  const std::string_view reply(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (parse(form, reply, size) != parse(form, reply, 1)) __builtin_trap();
  return 0;
}
