/// The trie whose nodes own layer states, and the order in which they are evicted, kept in step.
///
/// A node may go when it is not the root, no session uses it and it has at most one child. A leaf
/// is removed; an inner node merges with its child, which may cost a restore point at its end, so
/// a user mark keeps it. The eviction order holds exactly the nodes that may go.
///
/// Whoever acquired a path may hold pointers into it while it allocates: eviction, which an
/// allocation may call for, changes only nodes that no session uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "banyan/store.h"
#include "banyan/trie.h"
#include "cache/node_snapshot.h"

namespace banyan {

class CacheTrie {
 public:
  const Trie& trie() const { return trie_; }
  const EvictionOrder& order() const { return order_; }
  /// The time of the last use() so far.
  std::uint64_t now() const { return now_; }

  /// Adds a child below `node`. REQUIRES: as Trie::append.
  Node* append(Node* node, TokenSpan tokens, Parts parts);
  /// As Trie::split: returns the front.
  Node* split(Node* node, std::size_t offset);
  /// Replaces parts of a node by those of `parts` that are not null.
  void replace(Node* node, Parts parts);
  void mark(Node* node);
  /// Makes `node` the most recently used.
  void use(Node* node);

  void acquire(Node* node);
  /// Takes back an acquire(). Then nodes from `node` up merge with their only children where that
  /// loses nothing; a node that some session acquired stays.
  void release(Node* node);

  /// Removes or merges the node that goes first. O(log n). False when none may go.
  bool evict_one();

  bool may_go(const Node& node) const;
  /// Whether `node` and its only child can become one at no loss.
  bool merges_freely(const Node& node) const;
  EvictionRank rank(const Node& node) const;
  static EvictionOrder::Key key(const Node& node) { return reinterpret_cast<EvictionOrder::Key>(&node); }

 private:
  void refresh(const Node& node);
  Node* merge(Node* node);
  Node* settle(Node* node);

  Trie trie_;
  EvictionOrder order_;
  std::uint64_t now_ = 0;
};

}  // namespace banyan
