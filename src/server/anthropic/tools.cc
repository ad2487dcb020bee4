#include "server/anthropic/tools.h"

#include <cstddef>
#include <format>
#include <string>
#include <utility>

#include "server/dialect/functions.h"

namespace banyan {
namespace {

Result<std::vector<Tool>> read_tools(const Json& array) {
  std::vector<Tool> tools;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string path = std::format("tools[{}]", i);
    const auto type = array[i].find("type");
    if (type != array[i].end() && !type->is_null() && *type != "custom") continue;
    auto tool = read_function(array[i], path, "input_schema");
    if (!tool) return std::unexpected(tool.error());
    tools.push_back(std::move(*tool));
  }
  return tools;
}

Result<ToolChoice> read_choice(const Json& choice) {
  Fields fields(choice, "tool_choice.");
  fields.required("type");
  const std::string type = fields.string("type");
  ToolChoice read;
  if (type == "any") {
    read.mode = ToolChoice::Mode::required;
  } else if (type == "none") {
    read.mode = ToolChoice::Mode::none;
  } else if (type == "tool") {
    read.mode = ToolChoice::Mode::required;
    fields.required("name");
    read.allowed.push_back(fields.string("name"));
  } else if (type != "auto") {
    fields.wrong("type", R"(must be "auto", "any", "tool" or "none")");
  }
  if (fields.error()) return std::unexpected(*fields.error());
  return read;
}

}  // namespace

void read_anthropic_tools(Fields& fields, ChatRequest& chat) {
  if (const Json* array = fields.array("tools")) {
    auto tools = read_tools(*array);
    if (!tools) return fields.wrong(tools.error());
    chat.tools = std::move(*tools);
  }
  const Json* choice = fields.object("tool_choice");
  if (!choice) return;
  auto read = read_choice(*choice);
  if (!read) return fields.wrong(read.error());
  chat.tool_choice = std::move(*read);
  Fields inner(*choice, "tool_choice.");
  chat.parallel_calls = !inner.boolean("disable_parallel_tool_use", false);
  if (inner.error()) fields.wrong(*inner.error());
  if (const auto there = check_tool_choice(chat.tool_choice, chat.tools); !there) fields.wrong(there.error());
}

}  // namespace banyan
