#include "banyan/chat_template.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "chat/prompt/template_traits.h"
#include "jinja/template.h"

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kChatMl =
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

// For the examples that show what a template can do: some ten of them, each a few lines.
constexpr jinja::Limits kExampleLimits{.steps = 1'000'000, .output_bytes = 1 << 20, .value_bytes = 64 << 20};

constexpr std::array kRoles = {"system", "developer", "user", "assistant", "tool", "function"};

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
  if (deeper_than(message, kMaxJsonDepth)) return wrong(field, "is nested too deep");
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
  // Templates print what they are given, and null would be "None".
  plain["content"] = content->is_null() ? Json("") : *std::move(content);
  if (calls.empty()) plain.erase("tool_calls");
  return plain;
}

}  // namespace

struct ChatTemplate::Impl {
  std::string source;
  std::string bos_text, eos_text;
  std::optional<jinja::Template> jinja;
  TemplateTraits traits;

  // `now` for strftime_now.
  Result<std::string> render(const Json& messages, const Json& tools, bool add_generation_prompt,
                             const Json& extra, const jinja::Limits& limits,
                             std::chrono::system_clock::time_point now) const {
    Json context = {{"messages", messages},
                    {"add_generation_prompt", add_generation_prompt},
                    {"bos_token", bos_text},
                    {"eos_token", eos_text}};
    context["tools"] = tools.empty() ? Json() : tools;  // as transformers does, None where there are none
    if (extra.is_object()) {
      for (const auto& [name, value] : extra.items()) context[name] = value;
    }
    return jinja->render(context, limits, now);
  }
};

ChatTemplate::ChatTemplate() = default;
ChatTemplate::~ChatTemplate() = default;

Result<std::unique_ptr<ChatTemplate>> ChatTemplate::create(const std::string& source,
                                                           const std::string& bos_text,
                                                           const std::string& eos_text) {
  std::unique_ptr<ChatTemplate> made(new ChatTemplate);
  made->impl_ = std::make_unique<Impl>();
  Impl& impl = *made->impl_;
  impl.source = source.empty() ? kChatMl : source;
  impl.bos_text = bos_text;
  impl.eos_text = eos_text;
  Result<jinja::Template> parsed = jinja::Template::parse(impl.source);
  if (!parsed)
    return fail(parsed.error().code, "the chat template cannot be read: " + parsed.error().message);
  impl.jinja = *std::move(parsed);
  // What the template can do is found with short examples and at a fixed time.
  std::optional<Error> past_limit;
  impl.traits = find_traits(
      [&](const Json& messages, const Json& tools, bool opens) -> std::string {
        if (past_limit) return "";
        auto text = impl.render(messages, tools, opens, Json(), kExampleLimits, {});
        if (!text && text.error().code == Errc::unsupported) past_limit = text.error();
        return text.value_or("");
      },
      eos_text);
  if (past_limit) return fail(Errc::unsupported, "the chat template cannot be used: " + past_limit->message);
  return made;
}

Result<std::string> ChatTemplate::apply(const Json& messages, const Json& tools, bool add_generation_prompt,
                                        const Json& extra) const try {
  if (!messages.is_array() || messages.empty())
    return wrong("messages", "must be an array with a message or more");
  if (!tools.is_null() && !tools.is_array()) return wrong("tools", "must be an array");
  if (!extra.is_null() && !extra.is_object()) return wrong("chat_template_kwargs", "must be an object");
  if (deeper_than(tools, kMaxJsonDepth)) return wrong("tools", "is nested too deep");
  if (deeper_than(extra, kMaxJsonDepth)) return wrong("chat_template_kwargs", "is nested too deep");

  Json plain = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Result<Json> message = plain_message(messages[i], "messages[" + std::to_string(i) + "]");
    if (!message) return std::unexpected(message.error());
    plain.push_back(*std::move(message));
  }
  auto text = impl_->render(fit_messages(impl_->traits, plain, tools), tools, add_generation_prompt, extra,
                            {}, std::chrono::system_clock::now());
  if (text) return text;
  return fail(Errc::invalid_argument, "the chat template refuses these messages: " + text.error().message,
              "messages");
} catch (const Json::exception& error) {
  return fail(Errc::invalid_argument, std::string("the messages cannot be written as JSON: ") + error.what(),
              "messages");
}

Result<std::string> ChatTemplate::apply(const Json& messages) const {
  return apply(messages, Json(), true, Json());
}

const std::string& ChatTemplate::source() const { return impl_->source; }

}  // namespace banyan
