// Messages and events in short, to compare them with.
#pragma once

#include <algorithm>
#include <format>
#include <iterator>
#include <string>
#include <vector>

#include "banyan/chat_request.h"
#include "server/dialect/reply_writer.h"

namespace banyan {

// "assistant <thought> one|two* +name#id{...}": parts are apart by "|", and "*" marks a restore point.
inline std::string told(const Message& message) {
  constexpr const char* kRoles[] = {"system", "user", "assistant", "tool"};
  std::string text = kRoles[static_cast<std::size_t>(message.role)];
  if (!message.name.empty()) text += " " + message.name;
  if (!message.call_id.empty()) text += "#" + message.call_id;
  if (!message.reasoning.empty()) text += " <" + message.reasoning + ">";
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const TextPart& part = message.content[i];
    text += std::format("{}{}{}", i == 0 ? " " : "|", part.text, part.is_restore_point ? "*" : "");
  }
  for (const ToolCall& call : message.calls) {
    text += std::format(" +{}#{}{}", call.name, call.id, call.arguments);
  }
  return text;
}

inline std::vector<std::string> told(const std::vector<Message>& messages) {
  std::vector<std::string> all;
  for (const Message& message : messages) all.push_back(told(message));
  return all;
}

// All that a writer sends for a reply.
inline std::vector<WireEvent> written(ReplyWriter& writer, const std::vector<ChatEvent>& events,
                                      const ReplyEnd& end) {
  std::vector<WireEvent> all = writer.begin(end.timings);
  const auto add = [&](std::vector<WireEvent> more) { std::ranges::move(more, std::back_inserter(all)); };
  for (const ChatEvent& event : events) add(writer.add(event));
  add(writer.end(end));
  return all;
}

inline std::vector<std::string> names(const std::vector<WireEvent>& events) {
  std::vector<std::string> all;
  for (const WireEvent& event : events) all.push_back(event.name);
  return all;
}

// The end of a reply of `generated` tokens to a prompt of `total`, of which `restored` were.
inline ReplyEnd reply_end(Finish finish, std::size_t total, std::size_t restored, int generated) {
  ReplyEnd end{.finish = finish};
  end.timings.cache.total = total;
  end.timings.cache.restored = restored;
  end.timings.generated = generated;
  return end;
}

inline ChatEvent said(const std::string& text) { return {.kind = ChatEvent::Kind::text, .text = text}; }
inline ChatEvent thought(const std::string& text) {
  return {.kind = ChatEvent::Kind::reasoning, .text = text};
}
inline std::vector<ChatEvent> called(const std::string& id, const std::string& name,
                                     const std::vector<std::string>& arguments) {
  std::vector<ChatEvent> events{{.kind = ChatEvent::Kind::call, .id = id, .name = name}};
  for (const std::string& piece : arguments) {
    events.push_back({.kind = ChatEvent::Kind::arguments, .text = piece});
  }
  events.push_back({.kind = ChatEvent::Kind::call_end});
  return events;
}

// A thought, a text and a call.
inline std::vector<ChatEvent> whole_reply(const std::string& call_id) {
  std::vector<ChatEvent> events{thought("Hm"), thought("m."), said("I "), said("look.")};
  std::ranges::copy(called(call_id, "read", {"{\"path\":", "\"a\"}"}), std::back_inserter(events));
  return events;
}

}  // namespace banyan
