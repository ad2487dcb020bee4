#include "server/openai/chat_message.h"

#include <utility>

#include "server/openai/frame.h"

namespace banyan {
namespace {

Json call_json(const std::string& id, const std::string& name, const std::string& arguments) {
  return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

Json one_call(Json call) {
  Json calls = Json::array();
  calls.push_back(std::move(call));
  return {{"tool_calls", std::move(calls)}};
}

}  // namespace

Json message_json(const ChatReply& reply) {
  Json message = {{"role", "assistant"}, {"content", reply.text}, {"refusal", nullptr}};
  if (!reply.reasoning.empty()) message["reasoning_content"] = reply.reasoning;
  if (reply.calls.empty()) return message;
  if (reply.text.empty()) message["content"] = nullptr;
  Json& calls = message["tool_calls"] = Json::array();
  for (const ToolCall& call : reply.calls) calls.push_back(call_json(call.id, call.name, call.arguments));
  return message;
}

Json chat_finish_reason(Finish finish, const ChatReply& reply) {
  const bool ended = finish == Finish::end || finish == Finish::stop;
  return ended && !reply.calls.empty() ? Json("tool_calls") : finish_reason(finish);
}

std::vector<Json> MessageDeltas::begin() {
  if (std::exchange(begun_, true)) return {};
  return {Json{{"role", "assistant"}, {"content", nullptr}}};
}

std::vector<Json> MessageDeltas::add(const ChatEvent& event) {
  switch (event.kind) {
    case ChatEvent::Kind::text:
      return {Json{{"content", event.text}}};
    case ChatEvent::Kind::reasoning:
      return {Json{{"reasoning_content", event.text}}};
    case ChatEvent::Kind::call: {
      Json call = {{"index", calls_++}};
      call.update(call_json(event.id, event.name, ""));
      return {one_call(std::move(call))};
    }
    case ChatEvent::Kind::arguments:
      return {one_call({{"index", calls_ - 1}, {"function", {{"arguments", event.text}}}})};
    case ChatEvent::Kind::call_end:
      break;
  }
  return {};
}

}  // namespace banyan
