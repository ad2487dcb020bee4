#include "chat/reply/reply_events.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace banyan {

void ReplyEvents::add(ChatEvent::Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (events_.empty() || events_.back().kind != kind) events_.push_back({.kind = kind});
  events_.back().text += text;
}

void ReplyEvents::begin_call(std::string id, std::string name) {
  events_.push_back({.kind = ChatEvent::Kind::call, .id = std::move(id), .name = std::move(name)});
  arguments_.clear();
}

void ReplyEvents::add_arguments(std::string_view json) {
  add(ChatEvent::Kind::arguments, json);
  arguments_ += json;
}

void ReplyEvents::end_call() {
  if (nlohmann::json::accept(arguments_)) events_.push_back({.kind = ChatEvent::Kind::call_end});
}

std::vector<ChatEvent> ReplyEvents::take() { return std::exchange(events_, {}); }

}  // namespace banyan
