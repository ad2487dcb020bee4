#include "chat/prompt/fit_calls.h"

#include <algorithm>
#include <cstddef>
#include <format>
#include <iterator>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "chat/prompt/described_tools.h"
#include "chat/prompt/message_text.h"

namespace banyan {
namespace {

std::string numbered(CallIds ids, const std::string& name, std::size_t number) {
  return ids == CallIds::function ? std::format("functions.{}:{}", name, number)
                                  : std::format("{:09}", number);
}

}  // namespace

void number_calls(CallIds ids, std::vector<Message>& messages) {
  struct Numbered {
    std::string id, name;
  };
  std::vector<Numbered> calls;                         // all so far
  std::unordered_map<std::string, std::size_t> by_id;  // the last call of each of the client's ids
  std::size_t next = 0;                                // that is answered by a result without an id
  for (Message& message : messages) {
    if (!message.calls.empty()) next = calls.size();
    for (ToolCall& call : message.calls) {
      if (!call.id.empty()) by_id[call.id] = calls.size();
      call.id = numbered(ids, call.name, calls.size());
      calls.push_back({call.id, call.name});
    }
    if (message.role != Role::tool) continue;
    const auto known = by_id.find(message.call_id);
    const std::size_t index = known == by_id.end() ? next : known->second;
    next = index + 1;
    if (index < calls.size()) {
      message.call_id = calls[index].id;
      if (message.name.empty()) message.name = calls[index].name;
    } else {
      message.call_id = numbered(ids, message.name, index);  // its call is not in the conversation
    }
  }
}

void split_calls(std::vector<Message>& messages) {
  std::vector<Message> split;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].calls.size() < 2) {
      split.push_back(std::move(messages[i]));
      continue;
    }
    std::size_t end = i + 1;
    while (end < messages.size() && messages[end].role == Role::tool) ++end;
    std::map<std::string, std::vector<Message>> results;
    for (std::size_t result = i + 1; result < end; ++result) {
      results[messages[result].call_id].push_back(std::move(messages[result]));
    }
    Message message = std::move(messages[i]);
    for (ToolCall& call : std::exchange(message.calls, {})) {
      std::vector<Message> answers = std::move(results[call.id]);
      results.erase(call.id);
      message.calls = {std::move(call)};
      split.push_back(std::exchange(message, {.role = Role::assistant}));
      std::ranges::move(answers, std::back_inserter(split));
    }
    for (auto& [id, answers] : results) std::ranges::move(answers, std::back_inserter(split));
    i = end - 1;
  }
  messages = std::move(split);
}

void split_texts(std::vector<Message>& messages) {
  std::vector<Message> split;
  for (Message& message : messages) {
    if (!message.calls.empty() && !joined_text(message.content).empty()) {
      split.push_back({.role = Role::assistant,
                       .content = std::exchange(message.content, {}),
                       .reasoning = std::exchange(message.reasoning, {})});
    }
    split.push_back(std::move(message));
  }
  messages = std::move(split);
}

void write_calls(std::vector<Message>& messages) {
  for (Message& message : messages) {
    for (const ToolCall& call : std::exchange(message.calls, {})) {
      add_text(message, "\n", {{.text = describe_call(call)}});
    }
  }
}

void write_results(std::vector<Message>& messages) {
  for (Message& message : messages) {
    if (message.role != Role::tool) continue;
    const bool is_restore_point = !message.content.empty() && message.content.back().is_restore_point;
    message = {.role = Role::user,
               .content = {{describe_result(joined_text(message.content)), is_restore_point}}};
  }
}

}  // namespace banyan
