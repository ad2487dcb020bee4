#include <algorithm>
#include <utility>
#include <vector>

#include "base/common_prefix.h"
#include "chat/reply/examples.h"
#include "chat/reply/families.h"
#include "chat/reply/learn_calls.h"
#include "chat/reply/learn_reasoning.h"
#include "chat/reply/marker.h"
#include "chat/reply/reply_form.h"
#include "chat/reply/reply_parser.h"

namespace banyan {
namespace {

// Whether the calls of an example are read back, and nothing else is.
bool reads_back(const ReplyForm& form, const Examples& examples, int count) {
  const bool numbered_ids = !form.call.id_begin.empty();
  const std::string reply = examples.reply(false);
  std::string text = examples.calls(count, false, numbered_ids);
  if (text.empty()) return false;
  const std::size_t header =
      without_cut_marker(std::string_view(text).substr(0, common_prefix(reply, text))).size();
  ChatRequest request;
  request.tools = Examples::tools();
  ReplyParser parser(form, request, std::string_view(text).substr(0, header), [] { return "id"; });
  std::vector<ChatEvent> events = parser.add(std::string_view(text).substr(header));
  std::ranges::move(parser.end(), std::back_inserter(events));
  int calls = 0, whole = 0;
  std::string arguments;
  const nlohmann::json expected = nlohmann::json::parse(Examples::arguments());
  for (const ChatEvent& event : events) {
    switch (event.kind) {
      case ChatEvent::Kind::call:
        if (calls == count || event.name != Examples::kNames[calls++]) return false;
        arguments.clear();
        break;
      case ChatEvent::Kind::arguments:
        arguments += event.text;
        break;
      case ChatEvent::Kind::call_end:
        if (nlohmann::json::parse(arguments, nullptr, false) != expected) return false;
        ++whole;
        break;
      case ChatEvent::Kind::text:  // in front, what was no header; behind, what ends every reply
        if (calls > 0 && calls < count) return false;
        break;
      case ChatEvent::Kind::reasoning:
        break;
    }
  }
  return calls == count && whole == count;
}

}  // namespace

CallForm plain_call_form() {
  return {.arguments = CallForm::Arguments::members,
          .separator = "\n",
          .begin = "<tool_call>\n",
          .end = "\n</tool_call>"};
}

ReplyForm learn_reply_form(const RenderExample& render, std::string_view template_source) {
  const Examples examples(render);
  ReplyForm form;
  apply_known_family(template_source, form);
  if (form.has_channels) return form;
  if (form.reasoning.end.empty()) form.reasoning = learn_reasoning(examples);
  if (form.reasoning.end.empty()) form.reasoning = known_reasoning(template_source);
  if (std::optional<CallForm> call = learn_calls(examples, form)) {
    form.call = *std::move(call);
    form.call.has_cdata = template_source.contains("<![CDATA[");
    if (reads_back(form, examples, 1) && (form.call.is_single || reads_back(form, examples, 2))) return form;
  }
  form.call = plain_call_form();
  form.is_plain = true;
  return form;
}

bool opens_thought(const ReplyForm& form, const ChatRequest& request, std::string_view prompt) {
  const std::string& begin = form.reasoning.begin;
  const std::string& end = form.reasoning.end;
  if (begin.empty()) return false;
  if (trimmed(prompt).ends_with(begin)) return true;
  // A last message that is nothing but a thought goes on in it.
  if (!request.continues_last || request.messages.empty()) return false;
  const Message& last = request.messages.back();
  const bool says_nothing =
      std::ranges::all_of(last.content, [](const TextPart& part) { return part.text.empty(); });
  if (!says_nothing || last.reasoning.empty()) return false;
  const std::size_t begun = prompt.rfind(begin), ended = prompt.rfind(end);
  return begun != prompt.npos && (ended == prompt.npos || ended < begun);
}

}  // namespace banyan
