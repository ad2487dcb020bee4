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

}  // namespace banyan
