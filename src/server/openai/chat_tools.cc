#include "server/openai/chat_tools.h"

#include <algorithm>
#include <cstddef>
#include <format>
#include <utility>

namespace banyan {
namespace {

constexpr std::size_t kMaxMembers = 512;

using Mode = ToolChoice::Mode;

Tool read_tool(Fields& all, const Json& json, const std::string& path) {
  Tool tool;
  Fields fields(json, path + ".");
  if (fields.string("type", "function") != "function")
    fields.wrong("type", "must be \"function\"; other tools are not supported", Errc::unsupported);
  fields.required("function");
  if (const Json* function = fields.object("function")) {
    Fields inner(*function, path + ".function.");
    inner.required("name");
    tool.name = inner.string("name");
    tool.description = inner.string("description");
    if (const Json* parameters = inner.object("parameters")) tool.parameters = *parameters;
    tool.is_strict = inner.boolean("strict", false);
    if (inner.error()) fields.wrong(*inner.error());
  }
  if (fields.error()) all.wrong(*fields.error());
  return tool;
}

// Adds a function's name, which is the field `function.name` or, as in other dialects, `name`.
void allow(Fields& all, const Json& json, const std::string& path, const std::vector<Tool>& tools,
           ToolChoice& choice) {
  if (!json.is_object()) return all.wrong({Errc::invalid_argument, path + " must be an object", path});
  Fields fields(json, path + ".");
  const Json* function = fields.object("function");
  const std::string inner_path = function ? path + ".function" : path;
  Fields inner(function ? *function : json, inner_path + ".");
  inner.required("name");
  const std::string name = inner.string("name");
  if (!inner.error() && !std::ranges::contains(tools, name, &Tool::name))
    inner.wrong("name", "is not the name of one of the tools");
  choice.allowed.push_back(name);
  if (fields.error()) all.wrong(*fields.error());
  if (inner.error()) all.wrong(*inner.error());
}

Mode read_mode(Fields& fields, const char* name) {
  const std::string mode = fields.string(name);
  if (mode == "none") return Mode::none;
  if (mode == "required") return Mode::required;
  if (mode != "auto") fields.wrong(name, "must be auto, none or required");
  return Mode::automatic;
}

void read_allowed(Fields& all, const Json& json, const std::string& path, const std::vector<Tool>& tools,
                  ToolChoice& choice) {
  Fields fields(json, path + ".");
  fields.required("tools");
  choice.mode = read_mode(fields, "mode");
  const Json* allowed = fields.array("tools");
  for (std::size_t i = 0; allowed && i < allowed->size(); ++i) {
    allow(fields, (*allowed)[i], std::format("{}.tools[{}]", path, i), tools, choice);
  }
  if (choice.allowed.empty()) choice.mode = Mode::none;
  if (fields.error()) all.wrong(*fields.error());
}

}  // namespace

Result<> check_members(const Json& value, const std::string& name) {
  if (!value.is_structured()) return {};
  if (value.is_object() && value.size() > kMaxMembers) {
    return fail(Errc::invalid_argument,
                std::format("{} has an object with more than {} members", name, kMaxMembers), name);
  }
  for (const Json& inner : value) {
    if (auto checked = check_members(inner, name); !checked) return checked;
  }
  return {};
}

std::vector<Tool> read_tools(Fields& fields) {
  std::vector<Tool> tools;
  const Json* array = fields.array("tools");
  for (std::size_t i = 0; array && i < array->size() && !fields.error(); ++i) {
    const Json& tool = (*array)[i];
    const std::string path = std::format("tools[{}]", i);
    if (!tool.is_object()) {
      fields.wrong(path, "must be an object");
    } else if (auto checked = check_members(tool, path); !checked) {
      fields.wrong(checked.error());
    } else {
      tools.push_back(read_tool(fields, tool, path));
    }
  }
  return tools;
}

ToolChoice read_tool_choice(Fields& fields, const std::vector<Tool>& tools) {
  ToolChoice choice;
  const Json* value = fields.any("tool_choice");
  if (!value) return choice;
  if (value->is_string()) {
    choice.mode = read_mode(fields, "tool_choice");
  } else if (const Json* object = fields.object("tool_choice")) {
    Fields inner(*object, "tool_choice.");
    const std::string type = inner.string("type");
    if (type == "function") {
      choice.mode = Mode::required;
      allow(inner, *object, "tool_choice", tools, choice);
    } else if (type == "allowed_tools") {
      const Json* allowed = inner.object("allowed_tools");
      read_allowed(inner, allowed ? *allowed : *object, allowed ? "tool_choice.allowed_tools" : "tool_choice",
                   tools, choice);
    } else {
      inner.wrong("type", "must be function or allowed_tools", Errc::unsupported);
    }
    if (inner.error()) fields.wrong(*inner.error());
  }
  if (choice.mode == Mode::required && tools.empty()) fields.wrong("tool_choice", "needs tools");
  return choice;
}

}  // namespace banyan
