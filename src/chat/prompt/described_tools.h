/// Tools, calls and results as text, for templates that know none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banyan/chat_request.h"

namespace banyan {

/// The call of which there is an example.
ToolCall example_call();

/// What the system says of the tools, and how they are called. `example`: how the template writes
/// example_call(), or "" where it knows no calls: then as describe_call does.
std::string describe_tools(const std::vector<Tool>& tools, std::string_view example);
std::string describe_call(const ToolCall& call);
/// A call's result, as the user says it.
std::string describe_result(const std::string& result);

}  // namespace banyan
