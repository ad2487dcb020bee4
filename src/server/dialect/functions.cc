#include "server/dialect/functions.h"

#include <cstddef>
#include <format>
#include <unordered_map>
#include <utility>

namespace banyan {
namespace {

// The name in {type: "function", name: N} or {type: "function", function: {name: N}}.
Result<std::string> read_function_name(const Json& choice, const std::string& path) {
  Fields fields(choice, path + ".");
  const Json* function = fields.object("function");
  Fields named(function ? *function : choice, path + (function ? ".function." : "."));
  named.required("name");
  std::string name = named.string("name");
  for (const Fields* read : {&fields, &named}) {
    if (read->error()) return std::unexpected(*read->error());
  }
  return name;
}

Result<ToolChoice> read_allowed_tools(const Json& choice) {
  Fields outer(choice, "tool_choice.");
  const Json* nested = outer.object("allowed_tools");
  const std::string path = nested ? "tool_choice.allowed_tools." : "tool_choice.";
  Fields fields(nested ? *nested : choice, path);
  const std::string mode = fields.string("mode", "auto");
  if (mode != "auto" && mode != "required") fields.wrong("mode", "must be \"auto\" or \"required\"");
  fields.required("tools");
  const Json* tools = fields.array("tools");
  for (const Fields* read : {&outer, &fields}) {
    if (read->error()) return std::unexpected(*read->error());
  }
  ToolChoice read;
  read.mode = mode == "required" ? ToolChoice::Mode::required : ToolChoice::Mode::automatic;
  for (std::size_t i = 0; i < tools->size(); ++i) {
    const std::string tool = std::format("{}tools[{}]", path, i);
    // What is no function is never called here, so it may be among those allowed.
    if (const auto type = (*tools)[i].find("type"); type != (*tools)[i].end() && *type != "function")
      continue;
    auto name = read_function_name((*tools)[i], tool);
    if (!name) return std::unexpected(name.error());
    read.allowed.push_back(std::move(*name));
  }
  if (read.allowed.empty()) read.mode = ToolChoice::Mode::none;
  return read;
}

}  // namespace

Result<Tool> read_function(const Json& function, const std::string& path, const char* schema) {
  if (!function.is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
  Fields fields(function, path + ".");
  fields.required("name");
  Tool tool{.name = fields.string("name"), .description = fields.string("description"), .parameters = {}};
  if (tool.name.empty()) fields.wrong("name", "must not be empty");
  if (const Json* parameters = fields.object(schema)) {
    tool.parameters = *parameters;
    if (auto few = check_members(*parameters, fields.path(schema)); !few) fields.wrong(few.error());
  }
  tool.is_strict = fields.boolean("strict", false);
  if (fields.error()) return std::unexpected(*fields.error());
  return tool;
}

Result<std::vector<Tool>> read_wrapped_functions(const Json& tools) {
  std::vector<Tool> functions;
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string path = std::format("tools[{}]", i);
    if (!tools[i].is_object()) return fail(Errc::invalid_argument, path + " must be an object", path);
    Fields fields(tools[i], path + ".");
    if (fields.string("type", "function") != "function")
      fields.wrong("type", "must be \"function\"; other tools are not supported", Errc::unsupported);
    const Json* function = fields.required("function");
    if (fields.error()) return std::unexpected(*fields.error());
    auto read = read_function(*function, path + ".function", "parameters");
    if (!read) return std::unexpected(read.error());
    functions.push_back(std::move(*read));
  }
  return functions;
}

Result<ToolChoice> read_tool_choice(const Json& choice) {
  using enum ToolChoice::Mode;
  if (choice == "auto") return ToolChoice{.mode = automatic, .allowed = {}};
  if (choice == "none") return ToolChoice{.mode = none, .allowed = {}};
  if (choice == "required") return ToolChoice{.mode = required, .allowed = {}};
  if (!choice.is_object()) {
    return fail(Errc::invalid_argument,
                R"(tool_choice must be "auto", "none", "required" or an object that names a function)",
                "tool_choice");
  }
  Fields fields(choice, "tool_choice.");
  const std::string type = fields.string("type", "function");
  if (fields.error()) return std::unexpected(*fields.error());
  if (type == "allowed_tools") return read_allowed_tools(choice);
  if (type != "function") {
    return fail(Errc::unsupported,
                R"(tool_choice.type must be "function" or "allowed_tools": other tools are not called here)",
                "tool_choice.type");
  }
  auto name = read_function_name(choice, "tool_choice");
  if (!name) return std::unexpected(name.error());
  return ToolChoice{.mode = required, .allowed = {std::move(*name)}};
}

Result<> check_tool_choice(const ToolChoice& choice, const std::vector<Tool>& tools) {
  if (choice.mode == ToolChoice::Mode::required && tools.empty()) {
    return fail(Errc::invalid_argument, "tool_choice wants a call, and there are no tools", "tool_choice");
  }
  std::set<std::string_view> names;
  for (const Tool& tool : tools) names.insert(tool.name);
  for (const std::string& name : choice.allowed) {
    if (names.contains(name)) continue;
    return fail(Errc::invalid_argument,
                std::format("tool_choice names \"{}\", which is not among the tools", name.substr(0, 64)),
                "tool_choice");
  }
  return {};
}

Json read_arguments(std::string_view text) {
  if (text.empty()) return Json::object();
  auto arguments = parse_object(text);
  return arguments ? std::move(*arguments) : Json();
}

std::string arguments_text(const Json& arguments) {
  if (!arguments.is_structured()) return dump(arguments);
  const bool is_object = arguments.is_object();
  std::string text = is_object ? "{" : "[";
  for (auto one = arguments.begin(); one != arguments.end(); ++one) {
    if (one != arguments.begin()) text += ", ";
    if (is_object) text += dump(one.key()) + ": ";
    text += arguments_text(*one);
  }
  return text + (is_object ? "}" : "]");
}

void KnownCalls::add(const std::string& id) {
  if (id.empty()) forget();
  ids_.insert(id);
}

Result<> KnownCalls::check(const std::string& id, const std::string& field) const {
  if (!are_known_ || id.empty() || ids_.contains(id)) return {};
  return fail(
      Errc::invalid_argument,
      std::format("{} \"{}\" is of no call in the messages before the result", field, id.substr(0, 80)),
      field);
}

Result<> check_results(const std::vector<Message>& messages, const std::string& field) {
  KnownCalls calls;
  for (const Message& message : messages) {
    for (const ToolCall& call : message.calls) calls.add(call.id);
    if (message.role != Role::tool) continue;
    if (auto known = calls.check(message.call_id, field); !known) return known;
  }
  return {};
}

void name_results(std::vector<Message>& messages) {
  std::unordered_map<std::string, std::string> names;
  for (Message& message : messages) {
    for (const ToolCall& call : message.calls) names[call.id] = call.name;
    if (message.role != Role::tool || !message.name.empty()) continue;
    if (const auto found = names.find(message.call_id); found != names.end()) message.name = found->second;
  }
}

}  // namespace banyan
