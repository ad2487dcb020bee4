#include "sampling/marks.h"

namespace banyan {

std::optional<FoundMark> find_mark(std::string_view text, std::span<const std::string> marks) {
  std::optional<FoundMark> first;
  for (const std::string& mark : marks) {
    const std::size_t begin = text.find(mark);
    if (begin == text.npos) continue;
    const std::size_t end = begin + mark.size();
    if (!first || end < first->end || (end == first->end && begin < first->begin)) first = {begin, end};
  }
  return first;
}

}  // namespace banyan
