#include "chat/prompt/fit_request.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "chat/prompt/call_arguments.h"
#include "chat/prompt/described_tools.h"
#include "chat/prompt/fit_calls.h"
#include "chat/prompt/fit_roles.h"
#include "chat/prompt/message_text.h"

namespace banyan {
namespace {

const char* role_name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  std::unreachable();
}

// Tells of the tools in the system's message, which is made if there is none.
void tell_of_tools(const TemplateTraits& traits, const ChatRequest& request, std::vector<Message>& messages) {
  Message told = {.role = Role::system,
                  .content = {{.text = describe_tools(request.tools, traits.call_example)}}};
  if (messages.empty() || messages.front().role != Role::system) {
    messages.insert(messages.begin(), std::move(told));
  } else if (request.tools_first) {
    add_text(told, kBetween, std::move(messages.front().content));
    messages.front() = std::move(told);
  } else {
    add_text(messages.front(), kBetween, std::move(told.content));
  }
}

Json text_part(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

Json array_of(const std::vector<TextPart>& parts) {
  Json array = Json::array();
  for (const TextPart& part : parts) {
    if (!part.text.empty()) array.push_back(text_part(part.text));
  }
  return array;
}

Json content_json(ContentForm form, const std::vector<TextPart>& parts) {
  if (form == ContentForm::one_part) return Json::array({text_part(joined_text(parts))});
  if (form == ContentForm::text) return joined_text(parts);
  Json array = array_of(parts);
  if (array.size() < 2 && form == ContentForm::any) return joined_text(parts);
  if (array.empty()) array.push_back(text_part(""));
  return array;
}

Json arguments_json(const TemplateTraits& traits, const std::string& arguments) {
  Json parsed = parse_arguments(arguments);
  if (!traits.object_arguments) return parsed.is_object() && parsed.empty() ? "{}" : arguments;
  if (parsed.is_object()) return parsed;
  return traits.broken_arguments ? Json(arguments) : Json{{"arguments", arguments}};
}

Json call_json(const TemplateTraits& traits, const ToolCall& call) {
  return {{"id", call.id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", arguments_json(traits, call.arguments)}}}};
}

// Puts an assistant's thought where the template reads it.
void add_thought(const TemplateTraits& traits, const Message& message, Json& json) {
  if (message.reasoning.empty()) return;
  switch (traits.thought) {
    case ThoughtPlace::nowhere:
      return;
    case ThoughtPlace::reasoning_content:
      json["reasoning_content"] = message.reasoning;
      return;
    case ThoughtPlace::reasoning:
      json["reasoning"] = message.reasoning;
      return;
    case ThoughtPlace::thinking:
      json["thinking"] = message.reasoning;
      return;
    case ThoughtPlace::part:
    case ThoughtPlace::part_parts:
      break;
  }
  const Json thought = traits.thought == ThoughtPlace::part ? Json(message.reasoning)
                                                            : Json::array({text_part(message.reasoning)});
  Json content = array_of(message.content);
  content.insert(content.begin(), Json{{"type", "thinking"}, {"thinking", thought}});
  json["content"] = std::move(content);
}

Json message_json(const TemplateTraits& traits, Message message) {
  const bool joins_thought =
      !message.reasoning.empty() && !traits.thought_beside_text && traits.thought != ThoughtPlace::nowhere;
  if (!message.calls.empty() && (joins_thought || traits.text_beside_calls == TextBesideCalls::thought)) {
    if (const std::string text = joined_text(std::exchange(message.content, {})); !text.empty()) {
      message.reasoning += (message.reasoning.empty() ? "" : kBetween) + text;
    }
  }
  Json json = {{"role", role_name(message.role)},
               {"content", content_json(traits.content_of(message.role), message.content)}};
  if (!message.name.empty()) json["name"] = message.name;
  if (message.role == Role::tool) json["tool_call_id"] = message.call_id;
  if (message.role != Role::assistant) return json;
  if (!message.calls.empty()) {
    if (traits.null_beside_calls && joined_text(message.content).empty()) json["content"] = nullptr;
    Json& calls = json["tool_calls"] = Json::array();
    for (const ToolCall& call : message.calls) calls.push_back(call_json(traits, call));
  }
  add_thought(traits, message, json);
  return json;
}

// Templates look for the properties of arguments, which a function without any may leave out.
Json parameters_json(const Json& given) {
  if (!given.is_object() && !given.empty()) return given;
  Json parameters = given.is_object() ? given : Json::object();
  if (parameters.empty()) parameters["type"] = "object";
  const bool is_elsewhere = std::ranges::any_of(std::array{"$ref", "anyOf", "oneOf", "allOf"},
                                                [&](const char* name) { return parameters.contains(name); });
  if (!is_elsewhere && !parameters.contains("properties")) parameters["properties"] = Json::object();
  return parameters;
}

Json tools_json(const TemplateTraits& traits, const std::vector<Tool>& tools) {
  Json array = Json::array();
  for (const Tool& tool : tools) {
    Json function = {{"name", tool.name}};
    if (!tool.description.empty() || traits.tools_need_text) function["description"] = tool.description;
    function["parameters"] = parameters_json(tool.parameters);
    array.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return array;
}

bool says_nothing(const Message& message) {
  return message.role == Role::assistant && message.calls.empty() && message.reasoning.empty() &&
         joined_text(message.content).empty();
}

}  // namespace

bool deeper_than(const Json& value, int depth) {
  if (!value.is_structured()) return false;
  if (depth == 0) return true;
  return std::ranges::any_of(value, [&](const Json& inner) { return deeper_than(inner, depth - 1); });
}

TemplateInput fit_request(const TemplateTraits& traits, const ChatRequest& request) {
  std::vector<Message> messages = request.messages;
  const bool has_tools = !request.tools.empty();
  if (has_tools && !traits.tools) tell_of_tools(traits, request, messages);
  if (has_tools && traits.tools && traits.tools_need_system && messages.front().role != Role::system) {
    messages.insert(messages.begin(),
                    {.role = Role::system, .content = {{.text = "You are a helpful assistant."}}});
  }
  number_calls(traits.call_ids, messages);
  if (!traits.calls) {
    write_calls(messages);
  } else if (!traits.several_calls) {
    split_calls(messages);
  }
  if (!traits.calls || !traits.results) write_results(messages);
  if (traits.text_beside_calls == TextBesideCalls::before) split_texts(messages);
  if (!traits.empty_replies) std::erase_if(messages, says_nothing);
  fit_systems(traits, messages);
  fit_rows(traits, messages);

  TemplateInput input = {.messages = Json::array(), .tools = nullptr};
  for (Message& message : messages) input.messages.push_back(message_json(traits, std::move(message)));
  if (has_tools && traits.tools) input.tools = tools_json(traits, request.tools);
  return input;
}

}  // namespace banyan
