#include "chat/prompt/tools_first.h"

#include <algorithm>

namespace banyan {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view without_blanks_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlank), text.size()));
}

std::string_view without_blanks_behind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

}  // namespace

std::optional<std::string> move_tools_first(std::string_view with_tools, std::string_view without_tools,
                                            std::string_view text, std::string_view mark) {
  const std::size_t end = without_tools.find(mark);
  if (end == std::string_view::npos || with_tools.find(mark) != end) return std::nullopt;
  std::string_view front = without_tools.substr(0, end);
  const std::string_view rest = without_tools.substr(end + mark.size());
  std::string_view tools = with_tools.substr(end + mark.size());
  if (!with_tools.starts_with(front) || !tools.ends_with(rest)) return std::nullopt;
  tools = without_blanks_before(without_blanks_behind(tools.substr(0, tools.size() - rest.size())));
  text = without_blanks_before(text);
  if (tools.empty() || !front.ends_with(text)) return std::nullopt;
  front.remove_suffix(text.size());
  std::string prompt(front);
  prompt.append(tools).append("\n\n").append(without_blanks_behind(text)).append(rest);
  return prompt;
}

}  // namespace banyan
