/// What the trie's tests share: inserting whole paths, and a trie as text.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "banyan/trie.h"
#include "trie/fake_snapshot.h"

namespace banyan {

using Path = std::vector<Token>;

/// Makes `path` end in a node, as a session that closes does: match, split, append.
inline Node* insert(Trie& trie, const Path& path) {
  const Match match = trie.match(path);
  Node* node = match.path.back();
  if (match.length < node->end()) node = trie.split(node, match.length);
  if (match.length == path.size()) return node;
  return trie.append(node, TokenSpan(path).subspan(match.length));
}

/// The tokens from the root to the node's end.
inline Path path_of(const Node* node) {
  Path path(node->end());
  for (; node != nullptr; node = node->parent()) {
    std::ranges::copy(node->edge(), path.begin() + static_cast<std::ptrdiff_t>(node->start()));
  }
  return path;
}

/// A node a line: edge, range, and what differs from a fresh node.
inline std::string to_text(const Trie& trie) {
  std::string text;
  trie.walk([&](Node& node) {
    for (const Token token : node.edge()) text += std::to_string(token) + " ";
    text += "[" + std::to_string(node.start()) + "," + std::to_string(node.end()) + ")";
    if (node.last_use() != 0) text += " used at " + std::to_string(node.last_use());
    if (node.uses() != 0) text += " by " + std::to_string(node.uses());
    if (node.user_mark()) text += " marked";
    if (node.snapshot() != nullptr) {
      const Coverage kept = FakeSnapshot::coverage_of(node.snapshot());
      text += " keeps " + std::to_string(kept.from) + "-" + std::to_string(kept.to) +
              (kept.whole ? " whole" : "");
    }
    text += "\n";
    return true;
  });
  return text;
}

}  // namespace banyan
