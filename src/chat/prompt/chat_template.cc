#include "banyan/chat_template.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "banyan/chat_request.h"
#include "chat/prompt/fit_request.h"
#include "chat/prompt/fit_roles.h"
#include "chat/prompt/message_text.h"
#include "chat/prompt/template_traits.h"
#include "chat/prompt/template_variables.h"
#include "chat/prompt/tools_first.h"
#include "jinja/template.h"

namespace banyan {
namespace {

using Clock = std::chrono::system_clock;

constexpr const char* kChatMl =
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

// For the examples that show what a template can do: some hundred of them, each a few lines.
constexpr jinja::Limits kExampleLimits{.steps = 1'000'000, .output_bytes = 1 << 20, .value_bytes = 64 << 20};

// Stands for a place in the prompt: put into a text, it is found where the template writes that text.
constexpr const char* kMark = "(this-place-in-the-prompt-5d1c7e9a)";

std::unexpected<Error> wrong(const std::string& field, const std::string& must) {
  return fail(Errc::invalid_argument, field + " " + must, field);
}

Result<> check(const ChatRequest& request) {
  if (request.messages.empty()) return wrong("messages", "must be an array with a message or more");
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    if (deeper_than(request.tools[i].parameters, kMaxJsonDepth))
      return wrong("tools[" + std::to_string(i) + "]", "is nested too deep");
  }
  if (!request.variables.is_null() && !request.variables.is_object())
    return wrong("chat_template_kwargs", "must be an object");
  if (deeper_than(request.variables, kMaxJsonDepth))
    return wrong("chat_template_kwargs", "is nested too deep");
  if (request.continues_last && request.messages.back().role != Role::assistant)
    return wrong("messages", "must end with the assistant's where the reply goes on from it");
  return {};
}

void add_mark(Message& message) {
  // A message that is nothing but a thought goes on in it.
  if (joined_text(message.content).empty() && !message.reasoning.empty()) {
    message.reasoning += kMark;
  } else if (message.content.empty()) {
    message.content.push_back({.text = kMark});
  } else {
    message.content.back().text += kMark;  // templates may join parts by something
  }
}

}  // namespace

struct ChatTemplate::Impl {
  std::string source;
  std::string bos_text, eos_text;
  std::optional<jinja::Template> jinja;
  TemplateTraits traits;

  // `now` for the date and strftime_now.
  Result<std::string> render(const TemplateTraits& with, const ChatRequest& request,
                             const jinja::Limits& limits, Clock::time_point now) const {
    TemplateInput input = fit_request(with, request);
    Json context = template_variables(with, request, now);
    context["messages"] = std::move(input.messages);
    // As transformers does, None where there are none.
    if (!input.tools.is_null() || with.null_tools) context["tools"] = std::move(input.tools);
    context["add_generation_prompt"] = request.opens_reply;
    context["bos_token"] = bos_text;
    context["eos_token"] = eos_text;
    return jinja->render(context, limits, now);
  }
  Result<std::string> render(const ChatRequest& request) const {
    return render(traits, request, {}, Clock::now());
  }

  // The prompt up to the end of the last message.
  Result<std::string> render_to_last(ChatRequest request) const {
    Message& last = request.messages.back();
    const std::string text = joined_text(last.content);
    add_mark(last);
    request.opens_reply = false;
    Result<std::string> prompt = render(request);
    if (!prompt) return prompt;
    if (const std::size_t end = prompt->rfind(kMark); end != std::string::npos) {
      prompt->resize(end);
      return prompt;
    }
    // The template has no place for it.
    request.messages.pop_back();
    request.opens_reply = true;
    prompt = render(request);
    if (prompt) *prompt += text;
    return prompt;
  }

  Result<std::string> render_tools_first(const ChatRequest& request) const {
    const bool has_both = !request.tools.empty() && request.messages.front().role == Role::system;
    if (!has_both || !traits.tools || !traits.system_role) return render(request);
    ChatRequest marked = request;
    fit_systems(traits, marked.messages);
    std::vector<TextPart>& content = marked.messages.front().content;
    const std::string text = joined_text(content);
    content = {{.text = text + kMark}};
    const auto with_tools = render(marked);
    marked.tools.clear();
    const auto without_tools = render(marked);
    if (with_tools && without_tools) {
      if (auto prompt = move_tools_first(*with_tools, *without_tools, text, kMark)) return *std::move(prompt);
    }
    return render(request);
  }

  // The message behind which the template refuses the conversation with these words.
  std::size_t refused_message(ChatRequest request, const std::string& words) const {
    std::vector<Message> messages = std::move(request.messages);
    std::size_t taken = 0;
    std::size_t refused = messages.size();
    while (refused - taken > 1) {
      const std::size_t count = taken + (refused - taken) / 2;
      request.messages.assign(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count));
      const auto prompt = render(request);
      (!prompt && prompt.error().message == words ? refused : taken) = count;
    }
    return refused - 1;
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
  impl.traits = find_traits([&](const TemplateTraits& traits, const ChatRequest& request) -> std::string {
    if (past_limit) return "";
    auto text = impl.render(traits, request, kExampleLimits, {});
    if (!text && text.error().code == Errc::unsupported) past_limit = text.error();
    return text.value_or("");
  });
  if (past_limit) return fail(Errc::unsupported, "the chat template cannot be used: " + past_limit->message);
  return made;
}

Result<std::string> ChatTemplate::apply(const ChatRequest& request) const try {
  if (auto checked = check(request); !checked) return std::unexpected(checked.error());
  auto text = request.continues_last ? impl_->render_to_last(request)
              : request.tools_first  ? impl_->render_tools_first(request)
                                     : impl_->render(request);
  if (text) return text;
  const Error& error = text.error();
  std::string field = "messages";
  if (error.code != Errc::unsupported)
    field += "[" + std::to_string(impl_->refused_message(request, error.message)) + "]";
  return fail(Errc::invalid_argument, "the chat template refuses " + field + ": " + error.message, field);
} catch (const Json::exception& error) {
  return fail(Errc::invalid_argument, std::string("the messages cannot be written as JSON: ") + error.what(),
              "messages");
}

const std::string& ChatTemplate::source() const { return impl_->source; }

}  // namespace banyan
