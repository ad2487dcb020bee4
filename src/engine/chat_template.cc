#include "banyan/chat_template.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

// minja tells its guesses about a template on stderr; a library does not print.
#define fprintf(...) 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-value"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wshadow"
#include <minja/chat-template.hpp>
#pragma GCC diagnostic pop
#undef fprintf

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kChatMl =
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

// minja recurses into values; clients must not choose how deep.
constexpr int kMaxDepth = 64;

constexpr std::array kRoles = {"system", "developer", "user", "assistant", "tool", "function"};

bool deeper_than(const Json& value, int depth) {
  if (!value.is_structured()) return false;
  if (depth == 0) return true;
  for (const Json& inner : value) {
    if (deeper_than(inner, depth - 1)) return true;
  }
  return false;
}

std::unexpected<Error> wrong(const std::string& field, const std::string& must) {
  return fail(Errc::invalid_argument, field + " " + must, field);
}

// The text of a message's content: itself, or its text parts, a line each.
Result<Json> plain_content(const Json& content, const std::string& field) {
  if (content.is_string() || content.is_null()) return content;
  if (!content.is_array()) return wrong(field, "must be a string or an array of text parts");
  std::string text;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const Json& part = content[i];
    const std::string part_field = field + "[" + std::to_string(i) + "]";
    if (!part.is_object()) return wrong(part_field, "must be an object");
    if (part.value("type", Json()) != "text")
      return wrong(part_field + ".type", "must be \"text\"; other parts are not supported");
    const Json part_text = part.value("text", Json());
    if (!part_text.is_string()) return wrong(part_field + ".text", "must be a string");
    if (i > 0) text += '\n';
    text += part_text.get_ref<const std::string&>();
  }
  return Json(std::move(text));
}

// A message as templates know it.
Result<Json> plain_message(const Json& message, const std::string& field) {
  if (!message.is_object()) return wrong(field, "must be an object");
  if (deeper_than(message, kMaxDepth)) return wrong(field, "is nested too deep");
  Json plain = message;
  const Json role = message.value("role", Json());
  if (std::ranges::find(kRoles, role) == kRoles.end()) {
    return wrong(field + ".role", "must be one of system, developer, user, assistant, tool and function");
  }
  if (role == "developer") plain["role"] = "system";  // OpenAI's newer name, which templates do not know

  const Json calls = message.value("tool_calls", Json());
  if (!calls.is_null() && !calls.is_array()) return wrong(field + ".tool_calls", "must be an array");
  Result<Json> content = plain_content(message.value("content", Json()), field + ".content");
  if (!content) return std::unexpected(content.error());
  if (content->is_null() && calls.empty()) return wrong(field + ".content", "is required");
  plain["content"] = *std::move(content);
  return plain;
}

}  // namespace

struct ChatTemplate::Impl {
  Impl(const std::string& source, const std::string& bos, const std::string& eos) : jinja(source, bos, eos) {}

  minja::chat_template jinja;
  std::mutex clock;  // minja's strftime_now calls std::localtime, which threads must not share
};

ChatTemplate::ChatTemplate() = default;
ChatTemplate::~ChatTemplate() = default;

Result<std::unique_ptr<ChatTemplate>> ChatTemplate::create(const std::string& source,
                                                           const std::string& bos_text,
                                                           const std::string& eos_text) try {
  std::unique_ptr<ChatTemplate> made(new ChatTemplate);
  made->impl_ = std::make_unique<Impl>(source.empty() ? kChatMl : source, bos_text, eos_text);
  return made;
} catch (const std::exception& error) {
  return fail(Errc::invalid_argument, std::string("the chat template cannot be read: ") + error.what());
}

Result<std::string> ChatTemplate::apply(const Json& messages, const Json& tools, bool add_generation_prompt,
                                        const Json& extra) const try {
  if (!messages.is_array() || messages.empty())
    return wrong("messages", "must be an array with a message or more");
  if (!tools.is_null() && !tools.is_array()) return wrong("tools", "must be an array");
  if (!extra.is_null() && !extra.is_object()) return wrong("chat_template_kwargs", "must be an object");
  if (deeper_than(tools, kMaxDepth)) return wrong("tools", "is nested too deep");
  if (deeper_than(extra, kMaxDepth)) return wrong("chat_template_kwargs", "is nested too deep");

  minja::chat_template_inputs inputs;
  inputs.messages = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Result<Json> message = plain_message(messages[i], "messages[" + std::to_string(i) + "]");
    if (!message) return std::unexpected(message.error());
    inputs.messages.push_back(*std::move(message));
  }
  inputs.tools = tools;
  inputs.add_generation_prompt = add_generation_prompt;
  inputs.extra_context = extra;

  std::unique_lock<std::mutex> clock(impl_->clock, std::defer_lock);
  if (source().contains("strftime_now")) clock.lock();
  return impl_->jinja.apply(inputs);
} catch (const std::exception& error) {
  return fail(Errc::invalid_argument,
              std::string("the chat template refuses these messages: ") + error.what(), "messages");
}

Result<std::string> ChatTemplate::apply(const Json& messages) const {
  return apply(messages, Json(), true, Json());
}

const std::string& ChatTemplate::source() const { return impl_->jinja.source(); }

}  // namespace banyan
