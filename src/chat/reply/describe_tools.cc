#include "chat/reply/reply_form.h"

namespace banyan {

std::string describe_tools(const std::vector<Tool>& tools) {
  std::string text =
      "You can call these functions, each described by a JSON object with its name, what it does and a JSON "
      "Schema of its arguments:\n\n";
  for (const Tool& tool : tools) {
    Json described = {{"name", tool.name}};
    if (!tool.description.empty()) described["description"] = tool.description;
    if (!tool.parameters.is_null()) described["parameters"] = tool.parameters;
    text += described.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  text +=
      "\nTo call one, write a JSON object with its name and arguments between these tags, and nothing behind "
      "it. To call several, do so for each:\n\n"
      "<tool_call>\n{\"name\": \"the function's name\", \"arguments\": {\"an argument's name\": \"its "
      "value\"}}\n"
      "</tool_call>\n\n"
      "The results come in the next message.";
  return text;
}

}  // namespace banyan
