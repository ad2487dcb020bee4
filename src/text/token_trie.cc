#include "text/token_trie.h"

#include <algorithm>

namespace banyan {

TokenTrie::TokenTrie(const std::vector<std::string>& pieces) {
  std::vector<Token> order;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].empty()) order.push_back(static_cast<Token>(i));
  }
  const auto piece = [&](Token token) -> const std::string& {
    return pieces[static_cast<std::size_t>(token)];
  };
  std::ranges::sort(order, {}, piece);
  const std::string* before = nullptr;
  for (const Token token : order) {
    const std::string& bytes = piece(token);
    const auto common = before == nullptr ? 0 : std::ranges::mismatch(bytes, *before).in1 - bytes.begin();
    entries_.push_back({.begin = bytes_.size(),
                        .length = static_cast<std::uint32_t>(bytes.size()),
                        .common = static_cast<std::uint32_t>(common),
                        .token = token});
    bytes_ += bytes;
    before = &bytes;
  }
}

// What lies between a beginning of the text and the text itself begins so, too.
std::optional<std::size_t> TokenTrie::longest_in_front_of(std::string_view text) const {
  while (!text.empty()) {
    const auto after = std::ranges::upper_bound(entries_, text, {}, [&](const Entry& entry) {
      return std::string_view(bytes_).substr(entry.begin, entry.length);
    });
    if (after == entries_.begin()) return std::nullopt;
    const auto at = static_cast<std::size_t>(after - entries_.begin()) - 1;
    if (text.starts_with(bytes(at))) return at;
    text =
        text.substr(0, static_cast<std::size_t>(std::ranges::mismatch(text, bytes(at)).in1 - text.begin()));
  }
  return std::nullopt;
}

}  // namespace banyan
