#include "base/common_prefix.h"

#include <algorithm>
#include <cstring>

namespace banyan {

// memcmp runs at memory speed; a loop that may leave at every token does not.
std::size_t common_prefix(TokenSpan a, TokenSpan b) {
  const std::size_t size = std::min(a.size(), b.size());
  std::size_t at = 0;
  for (const std::size_t block : {128, 8}) {
    while (size - at >= block && std::memcmp(&a[at], &b[at], block * sizeof(Token)) == 0) at += block;
  }
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace banyan
