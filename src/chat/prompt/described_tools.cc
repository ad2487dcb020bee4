#include "chat/prompt/described_tools.h"

#include "chat/prompt/call_arguments.h"

namespace banyan {

ToolCall example_call() {
  return {.id = "1", .name = "function_name", .arguments = R"({"argument_name": "value"})"};
}

std::string describe_tools(const std::vector<Tool>& tools, std::string_view example) {
  std::string text =
      "# Tools\n\nYou can call functions to help with what the user asks. These are the functions, one JSON "
      "object a line:\n\n";
  for (const Tool& tool : tools) {
    Json line = {{"name", tool.name}};
    if (!tool.description.empty()) line["description"] = tool.description;
    if (!tool.parameters.is_null()) line["parameters"] = tool.parameters;
    text += line.dump() + "\n";
  }
  text += "\nTo call a function, write its name and its arguments as in this example:\n\n";
  if (!example.empty()) return text.append(example);
  return text + describe_call(example_call()) +
         "\n\nThen stop. The result comes in the next message, between <tool_response> and </tool_response>.";
}

std::string describe_call(const ToolCall& call) {
  std::string arguments = call.arguments;
  if (const Json parsed = parse_arguments(call.arguments); parsed.is_null()) {
    arguments = Json(call.arguments).dump();
  } else if (parsed.empty()) {
    arguments = "{}";
  }
  return "<tool_call>\n{\"name\": " + Json(call.name).dump() + ", \"arguments\": " + arguments +
         "}\n</tool_call>";
}

std::string describe_result(const std::string& result) {
  return "<tool_response>\n" + result + "\n</tool_response>";
}

}  // namespace banyan
