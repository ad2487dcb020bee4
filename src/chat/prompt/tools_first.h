/// Prompts that have the tools before the system's text, so that what changes in that text, such as a folder
/// or a date, does not come before the longest of what stays.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace banyan {

/// From prompts of the same request with and without tools, in both of which `mark` is the end of the
/// system's text, `text`. None where the tools are not written right behind it and nowhere else: then they
/// stay where the template has them.
std::optional<std::string> move_tools_first(std::string_view with_tools, std::string_view without_tools,
                                            std::string_view text, std::string_view mark);

}  // namespace banyan
