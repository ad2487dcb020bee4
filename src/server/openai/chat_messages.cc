#include "server/openai/chat_messages.h"

#include <algorithm>
#include <array>
#include <format>
#include <string>
#include <string_view>
#include <utility>

#include "server/dialect/foreign_fields.h"
#include "server/dialect/functions.h"
#include "server/dialect/reasoning_fields.h"
#include "server/dialect/text_parts.h"

namespace banyan {
namespace {

struct NamedRole {
  std::string_view name;
  Role role;
};
// The developer is the newer name of the system, and a function's message the older form of a tool's.
constexpr std::array kRoles = {NamedRole{"system", Role::system},       NamedRole{"developer", Role::system},
                               NamedRole{"user", Role::user},           NamedRole{"tool", Role::tool},
                               NamedRole{"assistant", Role::assistant}, NamedRole{"function", Role::tool}};

Role read_role(Fields& fields) {
  const Json* role = fields.required("role");
  const auto* found =
      std::ranges::find_if(kRoles, [&](const NamedRole& one) { return role && *role == one.name; });
  if (found != kRoles.end()) return found->role;
  fields.wrong("role", "must be one of system, developer, user, assistant, tool and function");
  return Role::user;
}

void read_part(Fields& message, const Json& part, const std::string& path, Message& into) {
  if (!part.is_object()) return message.wrong({Errc::invalid_argument, path + " must be an object", path});
  Fields fields(part, path + ".");
  const std::string type = fields.string("type");
  if (into.role == Role::tool && !type.empty() && type != "text") {
    into.content.push_back({.text = unread_part(type)});
  } else if (type != "text" && type != "refusal") {
    fields.wrong("type", "must be \"text\"; other parts are not supported");
  } else {
    fields.required(type.c_str());
    into.content.push_back({fields.string(type.c_str()), is_restore_point(part)});
  }
  if (fields.error()) message.wrong(*fields.error());
}

void read_content(Fields& fields, const Json& json, const std::string& path, Message& message) {
  const Json* content = fields.any("content");
  if (!content) {
    const bool may_lack = message.role == Role::assistant || message.role == Role::tool;
    if (!json.contains("content") && !may_lack) fields.wrong("content", "is required");
  } else if (content->is_string()) {
    message.content.push_back({.text = content->get<std::string>()});
  } else if (content->is_array()) {
    for (std::size_t i = 0; i < content->size(); ++i) {
      read_part(fields, (*content)[i], std::format("{}.content[{}]", path, i), message);
    }
  } else {
    fields.wrong("content", "must be a string or an array of text parts");
  }
  if (message.content.empty() && message.role == Role::assistant) {
    if (const std::string refusal = fields.string("refusal"); !refusal.empty())
      message.content.push_back({.text = refusal});
  }
  if (!message.content.empty() && is_restore_point(json)) message.content.back().is_restore_point = true;
}

// `function`: {name, arguments}.
ToolCall read_called_function(Fields& fields) {
  ToolCall call;
  fields.required("name");
  call.name = fields.string("name");
  if (const Json* arguments = fields.any("arguments"); arguments && arguments->is_string()) {
    call.arguments = arguments->get<std::string>();
  } else if (arguments) {
    call.arguments = dump(*arguments);
  }
  return call;
}

void read_call(Fields& message, const Json& json, const std::string& path, Message& into) {
  if (!json.is_object()) return message.wrong({Errc::invalid_argument, path + " must be an object", path});
  Fields fields(json, path + ".");
  if (fields.string("type", "function") != "function")
    fields.wrong("type", "must be \"function\"; other calls are not supported", Errc::unsupported);
  fields.required("function");
  if (const Json* function = fields.object("function")) {
    Fields inner(*function, path + ".function.");
    into.calls.push_back(read_called_function(inner));
    into.calls.back().id = fields.string("id");
    if (inner.error()) fields.wrong(*inner.error());
  }
  if (fields.error()) message.wrong(*fields.error());
}

void read_calls(Fields& fields, const std::string& path, Message& message) {
  if (const Json* calls = fields.array("tool_calls")) {
    for (std::size_t i = 0; i < calls->size(); ++i) {
      read_call(fields, (*calls)[i], std::format("{}.tool_calls[{}]", path, i), message);
    }
  }
  // The older form, which has no ids.
  if (const Json* function = fields.object("function_call")) {
    Fields inner(*function, path + ".function_call.");
    message.calls.push_back(read_called_function(inner));
    if (inner.error()) fields.wrong(*inner.error());
  }
}

Result<Message> read_message(const Json& json, const std::string& path) {
  if (!json.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
  Fields fields(json, path + ".");
  Message message = {.role = read_role(fields)};
  read_content(fields, json, path, message);
  message.name = fields.string("name");
  if (message.role == Role::tool) message.call_id = fields.string("tool_call_id");
  if (message.role == Role::assistant) {
    read_calls(fields, path, message);
    message.reasoning = fields.string("reasoning_content");
    if (message.reasoning.empty()) message.reasoning = fields.string("reasoning");
  }
  if (fields.error()) return std::unexpected(*fields.error());
  return message;
}

void read_messages(Fields& fields, ChatRequest& request) {
  fields.required("messages");
  const Json* messages = fields.array("messages");
  if (!messages) return;
  if (messages->empty()) return fields.wrong("messages", "must have a message or more");
  for (std::size_t i = 0; i < messages->size() && !fields.error(); ++i) {
    Result<Message> message = read_message((*messages)[i], std::format("messages[{}]", i));
    if (!message) return fields.wrong(message.error());
    request.messages.push_back(*std::move(message));
  }
  if (auto known = check_results(request.messages, "tool_call_id"); !known) fields.wrong(known.error());
}

void read_tools(Fields& fields, ChatRequest& request) {
  if (const Json* tools = fields.array("tools")) {
    auto read = read_wrapped_functions(*tools);
    if (!read) return fields.wrong(read.error());
    request.tools = *std::move(read);
  }
  if (const Json* choice = fields.any("tool_choice")) {
    auto read = read_tool_choice(*choice);
    if (!read) return fields.wrong(read.error());
    if (auto fits = check_tool_choice(*read, request.tools); !fits) return fields.wrong(fits.error());
    request.tool_choice = *std::move(read);
  }
}

constexpr std::array kForeignToChat = {
    ForeignField{"stop_sequences", "Anthropic's messages", "`stop`"},
    ForeignField{"max_output_tokens", "OpenAI's responses", "`max_tokens`"},
    ForeignField{"instructions", "OpenAI's responses", "a message of the role system"},
    ForeignField{"input", "OpenAI's responses", "`messages`"},
    ForeignField{"system", "Anthropic's messages", "a message of the role system"},
    ForeignField{"num_predict", "Ollama's chat", "`max_tokens`"},
    ForeignField{"options", "Ollama's chat", "at the top level"},
    ForeignField{"format", "Ollama's chat", "`response_format`"},
    ForeignField{"output_config", "Anthropic's messages", "`reasoning_effort` and `response_format`"}};

// Several makers' ways to say it; the more special one counts.
void read_reasoning(Fields& fields, ChatRequest& request) {
  think(request.reasoning, read_effort(fields, "reasoning_effort"));
  if (const Json* reasoning = fields.object("reasoning")) {  // OpenRouter's
    Fields inner(*reasoning, "reasoning.");
    think(request.reasoning, read_effort(inner, "effort"));
    request.reasoning.budget = static_cast<int>(inner.integer("max_tokens", -1, 0, kMaxInt));
    if (inner.any("enabled")) request.reasoning.enabled = inner.boolean("enabled", true);
    inner.refuse_unless("exclude", false);
    if (inner.error()) fields.wrong(*inner.error());
  }
  if (fields.any("think")) request.reasoning.enabled = fields.boolean("think", true);
  if (const Json* thinking = fields.object("thinking")) {
    Fields inner(*thinking, "thinking.");
    read_thinking(inner, request.reasoning);
    if (inner.error()) fields.wrong(*inner.error());
  }
  request.reasoning.budget =
      static_cast<int>(fields.integer("thinking_budget_tokens", request.reasoning.budget, -1, kMaxInt));
  if (fields.any("enable_thinking")) request.reasoning.enabled = fields.boolean("enable_thinking", true);
  const Json* variables = fields.object("chat_template_kwargs");
  if (!variables) return;
  if (auto checked = check_members(*variables, "chat_template_kwargs"); !checked)
    return fields.wrong(checked.error());
  request.variables = *variables;
  Fields inner(*variables, "chat_template_kwargs.");
  if (inner.any("enable_thinking")) {
    request.reasoning.enabled = inner.boolean("enable_thinking", true);
    request.variables.erase("enable_thinking");
  }
  if (inner.error()) fields.wrong(*inner.error());
}

void read_end(Fields& fields, ChatRequest& request) {
  const bool is_opening_said = fields.any("add_generation_prompt") != nullptr;
  request.opens_reply = fields.boolean("add_generation_prompt", true);
  const bool is_said = fields.any("continue_final_message") != nullptr;
  request.continues_last = fields.boolean("continue_final_message", false);
  if (request.continues_last && is_opening_said && request.opens_reply)
    fields.wrong("continue_final_message", "and add_generation_prompt exclude each other");
  if (request.messages.empty()) return;
  const Message& last = request.messages.back();
  if (request.continues_last && last.role != Role::assistant)
    fields.wrong("continue_final_message", "needs a last message that is the assistant's");
  if (!is_said && last.role == Role::assistant && last.calls.empty())
    request.continues_last = request.opens_reply;
}

}  // namespace

Result<ChatRequest> read_chat_request(const Json& body) {
  Fields fields(body);
  ChatRequest request;
  refuse_foreign(fields, kForeignToChat);
  read_messages(fields, request);
  read_tools(fields, request);
  request.parallel_calls = fields.boolean("parallel_tool_calls", true);
  read_reasoning(fields, request);
  read_end(fields, request);
  if (fields.error()) return std::unexpected(*fields.error());
  return request;
}

}  // namespace banyan
