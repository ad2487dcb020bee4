/// The tools that a reply may call.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "banyan/chat_request.h"

namespace banyan {

inline std::vector<Tool> callable_tools(const ChatRequest& request) {
  const ToolChoice& choice = request.tool_choice;
  std::vector<Tool> tools;
  if (choice.mode == ToolChoice::Mode::none) return tools;
  const std::unordered_set<std::string_view> allowed(choice.allowed.begin(), choice.allowed.end());
  std::ranges::copy_if(request.tools, std::back_inserter(tools),
                       [&](const Tool& tool) { return allowed.empty() || allowed.contains(tool.name); });
  return tools;
}

}  // namespace banyan
