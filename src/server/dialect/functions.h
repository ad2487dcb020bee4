/// Functions that a request tells of, which of them may be called, and whose results its messages hold.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// The object `function` {name, description, strict, ...}, whose JSON Schema is in the field `schema`
/// ("parameters" or "input_schema"). `path` names it in errors: "tools[0].function".
Result<Tool> read_function(const Json& function, const std::string& path, const char* schema);

/// Functions in objects {type: "function", function: {...}}, as OpenAI's chat and Ollama have them. Other
/// tools are an error.
Result<std::vector<Tool>> read_wrapped_functions(const Json& tools);

/// OpenAI's `tool_choice`: "auto", "none", "required", {type: "function", name: N}, {type: "function",
/// function: {name: N}}, or {type: "allowed_tools"} with `mode` and `tools`, in itself or in an object
/// `allowed_tools`.
Result<ToolChoice> read_tool_choice(const Json& choice);

/// Whether there are the tools that the choice wants. Errors: invalid_argument for tool_choice.
Result<> check_tool_choice(const ToolChoice& choice, const std::vector<Tool>& tools);

/// The arguments of a call as an object, {} for none. Null where they are broken off or no object.
Json read_arguments(std::string_view text);

/// Arguments that a client has as an object, as models write them: {"a": 1, "b": [2, 3]}. So where a template
/// takes the text, the next prompt repeats what was said.
std::string arguments_text(const Json& arguments);

/// Gives the tools' results the names of the functions that were called, which some dialects leave out.
void name_results(std::vector<Message>& messages);

/// The ids of a history's calls so far, which results are of.
class KnownCalls {
 public:
  /// Of a call; "" where it has none.
  void add(const std::string& id);
  /// There are calls whose ids are not known: from now on a result may be of one of these.
  void forget() { are_known_ = false; }
  /// `field`: the dialect's name for the id of a result, which may be "". Errors: invalid_argument, with the
  /// id.
  Result<> check(const std::string& id, const std::string& field) const;

 private:
  std::set<std::string> ids_;
  bool are_known_ = true;
};

/// Whether the calls of all results with an id are in the messages before them, as long as these calls have
/// ids too. `field`: the dialect's name for that id. Errors: invalid_argument, with the id.
Result<> check_results(const std::vector<Message>& messages, const std::string& field);

}  // namespace banyan
