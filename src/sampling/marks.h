/// Marks in a text, such as "<tool_call>" or "</think>".
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace banyan {

struct FoundMark {
  std::size_t begin, end;  ///< in the text
};

/// The mark that is complete first; of several that end there, the longest. REQUIRES: no mark is empty.
std::optional<FoundMark> find_mark(std::string_view text, std::span<const std::string> marks);

}  // namespace banyan
