/// The tools that a reply may call.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "banyan/chat_request.h"

namespace banyan {

inline std::vector<Tool> callable_tools(const ChatRequest& request) {
  const ToolChoice& choice = request.tool_choice;
  std::vector<Tool> tools;
  if (choice.mode == ToolChoice::Mode::none) return tools;
  std::ranges::copy_if(request.tools, std::back_inserter(tools), [&](const Tool& tool) {
    return choice.allowed.empty() || std::ranges::contains(choice.allowed, tool.name);
  });
  return tools;
}

}  // namespace banyan
