// Conversations in a line or two, and what a template makes of them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "banyan/chat_request.h"
#include "banyan/chat_template.h"

namespace banyan::test {

inline Message says(Role role, const std::string& text) {
  return {.role = role, .content = {{.text = text}}};
}
inline Message system(const std::string& text) { return says(Role::system, text); }
inline Message user(const std::string& text) { return says(Role::user, text); }
inline Message assistant(const std::string& text) { return says(Role::assistant, text); }

inline Message calls(std::vector<ToolCall> all, const std::string& text = "") {
  Message message = assistant(text);
  message.calls = std::move(all);
  return message;
}
inline Message result(const std::string& id, const std::string& text) {
  Message message = says(Role::tool, text);
  message.call_id = id;
  return message;
}
inline ToolCall weather(const std::string& id, const std::string& arguments = R"({"city": "Oslo"})") {
  return {.id = id, .name = "weather", .arguments = arguments};
}
inline Tool weather_tool() {
  return {.name = "weather",
          .description = "Tells the weather.",
          .parameters = Json::parse(R"({"type": "object", "properties": {"city": {"type": "string"}}})")};
}

inline std::unique_ptr<ChatTemplate> make(const std::string& source) {
  return ChatTemplate::create(source, "<s>", "</s>").value();
}

inline std::string prompt(const ChatTemplate& chat, const ChatRequest& request) {
  const auto text = chat.apply(request);
  return text ? *text : "refused: " + text.error().message;
}
inline std::string prompt(const std::string& source, const ChatRequest& request) {
  return prompt(*make(source), request);
}
inline std::string prompt(const std::string& source, std::vector<Message> messages) {
  return prompt(source, ChatRequest{.messages = std::move(messages)});
}

// A turn of each message, closed by <end>.
inline const std::string kTurns =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

}  // namespace banyan::test
