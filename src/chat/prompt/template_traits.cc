#include "chat/prompt/template_traits.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace banyan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kUser = "<User Needle>";
constexpr const char* kSystem = "<System Needle>";

Json text_parts(const std::string& text) { return Json::array({{{"type", "text"}, {"text", text}}}); }

Json call_message(const Json& calls) {
  return {{"role", "assistant"}, {"content", ""}, {"tool_calls", calls}};
}

Json call_of(const std::string& name, const Json& arguments) {
  return {
      {"id", "call_1___"}, {"type", "function"}, {"function", {{"arguments", arguments}, {"name", name}}}};
}

bool writes_argument(const std::string& text) {
  return text.contains("<parameter=argument_needle>") || text.contains("\"argument_needle\":") ||
         text.contains("'argument_needle':");
}

Json example_tool() {
  return {{"name", "some_tool"},
          {"type", "function"},
          {"function",
           {{"name", "some_tool"},
            {"description", "Some tool."},
            {"parameters",
             {{"type", "object"},
              {"properties", {{"arg", {{"type", "string"}, {"description", "Some argument."}}}}},
              {"required", Json::array({"arg"})}}}}}};
}

// What a call adds to a prompt, so that a model may be shown one.
std::string find_call_example(const TryRender& render, const TemplateTraits& traits,
                              const std::string& eos_text) {
  const Json user = {{"role", "user"}, {"content", "Hey"}};
  const Json arguments = {{"arg1", "some_value"}};
  const Json call = call_of("tool_name", traits.object_arguments ? arguments : Json(arguments.dump()));
  const auto fitted = [&](const Json& messages, bool opens) {
    return render(fit_messages(traits, messages, Json()), Json(), opens);
  };
  const std::string prefix = fitted(Json::array({user}), true);
  std::string full = fitted(Json::array({user, call_message(Json::array({call}))}), false);
  std::string_view end = full;
  if (end.ends_with('\n')) end.remove_suffix(1);
  if (!eos_text.empty() && end.ends_with(eos_text)) full.resize(end.size() - eos_text.size());
  std::size_t common = 0;
  for (std::size_t i = 0; i < std::min(prefix.size(), full.size()) && prefix[i] == full[i]; ++i) {
    if (prefix[i] != '<') common = i + 1;  // a marker that begins the same may go on differently
  }
  const std::string example = full.substr(common);
  return example.contains("tool_name") || example.contains("some_value") ? example : "";
}

// With what tools there are in the system's text.
Json with_tools_told(const TemplateTraits& traits, Json messages, const Json& tools) {
  std::string told =
      "You can call any of the following tools to satisfy the user's requests: " + tools.dump(2);
  if (!traits.call_example.empty())
    told += "\n\nExample tool call syntax:\n\n" + traits.call_example + "\n\n";
  Json& first = messages[0];
  if (first["role"] == "system") {
    if (first["content"].is_string()) told = first["content"].get<std::string>() + "\n\n" + told;
    first = {{"role", "system"}, {"content", std::move(told)}};
  } else {
    messages.insert(messages.begin(), Json{{"role", "system"}, {"content", std::move(told)}});
  }
  return messages;
}

// The arguments of calls as objects, where they are JSON that is not nested too deep.
void parse_arguments(Json& calls) {
  for (Json& call : calls) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
    const auto arguments = call["function"].find("arguments");
    if (arguments == call["function"].end() || !arguments->is_string()) continue;
    Json parsed = Json::parse(arguments->get_ref<const std::string&>(), nullptr, false);
    if (!parsed.is_discarded() && !deeper_than(parsed, kMaxJsonDepth)) *arguments = std::move(parsed);
  }
}

// Calls as JSON in the content.
void write_calls(Json& message) {
  Json written = Json::array();
  for (const Json& call : message["tool_calls"]) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
    const Json& function = call["function"];
    Json one = {{"name", function.value("name", Json())}, {"arguments", function.value("arguments", Json())}};
    if (call.contains("id")) one["id"] = call["id"];
    written.push_back(std::move(one));
  }
  Json all = {{"tool_calls", std::move(written)}};
  if (const Json& content = message["content"]; content.is_string() && content != "")
    all["content"] = content;
  message["content"] = all.dump(2);
  message.erase("tool_calls");
}

void write_response(Json& message) {
  Json response = Json::object();
  if (message.contains("name")) response["tool"] = message["name"];
  response["content"] = message["content"];
  if (message.contains("tool_call_id")) response["tool_call_id"] = message["tool_call_id"];
  message["content"] = Json{{"tool_response", std::move(response)}}.dump(2);
  message["role"] = "user";
  message.erase("name");
}

}  // namespace

bool deeper_than(const Json& value, int depth) {
  if (!value.is_structured()) return false;
  if (depth == 0) return true;
  return std::ranges::any_of(value, [&](const Json& inner) { return deeper_than(inner, depth - 1); });
}

TemplateTraits find_traits(const TryRender& render, const std::string& eos_text) {
  TemplateTraits traits;
  const auto shown = [&](const Json& messages, const Json& tools = {}) {
    return render(messages, tools, false);
  };
  const Json plain_user = {{"role", "user"}, {"content", kUser}};
  const Json typed_user = {{"role", "user"}, {"content", text_parts(kUser)}};
  traits.typed_content =
      !shown(Json::array({plain_user})).contains(kUser) && shown(Json::array({typed_user})).contains(kUser);
  const Json user = traits.typed_content ? typed_user : plain_user;
  const Json system = {{"role", "system"},
                       {"content", traits.typed_content ? text_parts(kSystem) : Json(kSystem)}};
  const Json both = Json::array({system, user});
  const Json tools = Json::array({example_tool()});
  // Some templates fail at a system message without tools, and some tell of tools only there.
  traits.system_role = shown(both).contains(kSystem) || shown(both, tools).contains(kSystem);
  traits.tools = shown(Json::array({user}), tools).contains("some_tool") ||
                 (traits.system_role && shown(both, tools).contains("some_tool"));

  const Json arguments = {{"argument_needle", "print('Hello, World!')"}};
  const auto writes = [&](const Json& given) {
    return writes_argument(
        shown(Json::array({user, call_message(Json::array({call_of("ipython", given)}))})));
  };
  const bool writes_text = writes(arguments.dump());
  const bool writes_object = writes(arguments);
  traits.tool_calls = writes_text || writes_object;
  traits.object_arguments = !writes_text && writes_object;
  if (traits.tool_calls) {
    const Json call = call_of("test_tool1", traits.object_arguments ? arguments : Json(arguments.dump()));
    const Json response = {{"role", "tool"},
                           {"name", "test_tool1"},
                           {"content", "Some response!"},
                           {"tool_call_id", "call_911_"}};
    traits.tool_responses =
        shown(Json::array({user, call_message(Json::array({call})), response})).contains("Some response!");
  }
  if (!traits.tools) traits.call_example = find_call_example(render, traits, eos_text);
  return traits;
}

Json fit_messages(const TemplateTraits& traits, const Json& messages, const Json& tools) {
  const bool tells_tools = tools.is_array() && !tools.empty() && !traits.tools;
  Json fitted = Json::array();
  const auto add = [&](Json message) {
    if (traits.typed_content && message["content"].is_string()) {
      message["content"] = text_parts(message["content"].get<std::string>());
    }
    fitted.push_back(std::move(message));
  };
  std::string system;  // what the next message of the user begins with
  const auto add_system = [&] {
    if (!system.empty()) add({{"role", "user"}, {"content", std::exchange(system, {})}});
  };
  for (Json message : tells_tools ? with_tools_told(traits, messages, tools) : messages) {
    const std::string role = message["role"];
    if (message.contains("tool_calls") && message["tool_calls"].is_array()) {
      if (traits.object_arguments || !traits.tool_calls) parse_arguments(message["tool_calls"]);
      if (!traits.tool_calls) write_calls(message);
    }
    if (role == "tool" && !traits.tool_responses) write_response(message);
    if (!traits.system_role && message["content"].is_string()) {
      const auto content = message["content"].get<std::string>();
      if (role == "system") {
        if (!system.empty()) system += '\n';
        system += content;
        continue;
      }
      if (role != "user") {
        add_system();
      } else if (!system.empty()) {
        message["content"] = std::exchange(system, {}) + (content.empty() ? "" : "\n" + content);
      }
    }
    add(std::move(message));
  }
  add_system();
  return fitted;
}

}  // namespace banyan
