/// Tools, calls and results as text, for templates that know none.
#pragma once

#include <string>
#include <vector>

#include "banyan/chat_request.h"

namespace banyan {

/// What the system says of the tools, and how they are called.
std::string describe_tools(const std::vector<Tool>& tools);
/// A call in the form that describe_tools teaches.
std::string describe_call(const ToolCall& call);
/// A call's result, as the user says it.
std::string describe_result(const std::string& result);

}  // namespace banyan
