/// OpenAI's form of tools and of what a request says about calling them.
#pragma once

#include <string>
#include <vector>

#include "banyan/chat_request.h"
#include "server/json_fields.h"

namespace banyan {

/// An object anywhere in a value with so many members that comparing their names, one with all before it, takes
/// long is an error that names `name`.
Result<> check_members(const Json& value, const std::string& name);

/// The field `tools`; errors are left in `fields`.
std::vector<Tool> read_tools(Fields& fields);

/// The field `tool_choice`: "auto", "none", "required", a function, or allowed_tools. Errors, such as names
/// of functions that are no tools, are left in `fields`.
ToolChoice read_tool_choice(Fields& fields, const std::vector<Tool>& tools);

}  // namespace banyan
