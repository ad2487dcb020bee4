/// The trie whose nodes own layer states, and the order in which they are evicted, kept in step.
///
/// A node may go when it is not the root, no session uses it and it has at most one child. A leaf
/// gives up as much of its tail as is wanted, in whole segments, or goes; an inner node merges with its
/// child, which costs the restore point at its end, so a user mark keeps it. The eviction order holds
/// exactly the nodes that may go.
///
/// Where some group resumes at restore points only, a leaf goes as a whole: its only point is its end, and
/// without that the rest of its edge could not be resumed.
///
/// An inner node that keeps a whole state near its parent's end is cheap: it goes before all others. Once
/// it has merged, its child is farther from the parent, so a run of such nodes is thinned and not lost.
///
/// Whoever acquired a path may hold pointers into it while it allocates: eviction, which an
/// allocation may call for, changes only nodes that no session uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "banyan/store.h"
#include "banyan/trie.h"
#include "cache/node_snapshot.h"

namespace banyan {

/// How far a trie goes along with a path: the node that has the last of these tokens, or the root. True until
/// the trie changes.
struct Place {
  Node* node = nullptr;
  std::size_t matched = 0;
};
/// Goes on from a place on the path as far as the trie has it.
void go_on(Place& place, TokenSpan path);

class CacheTrie {
 public:
  /// The groups of the nodes' parts; must outlive the trie.
  explicit CacheTrie(const Groups& groups) : groups_(groups) {}

  const Trie& trie() const { return trie_; }
  const EvictionOrder& order() const { return order_; }
  /// What `nodes` nodes with `tokens` tokens on their edges take, with their parts and their places in the
  /// order of eviction, but without the memory that the parts own: about, and for most tries more. (A long
  /// edge that was shortened may keep twice the memory of its tokens for a while.)
  static std::size_t own_bytes(std::size_t nodes, std::size_t tokens);
  /// What the trie takes itself, by that.
  std::size_t own_bytes() const { return own_bytes(trie_.node_count() - 1, trie_.token_count()); }
  /// The time of the last use() so far.
  std::uint64_t now() const { return now_; }

  /// Adds a child below `node`. REQUIRES: as Trie::append.
  Node* append(Node* node, TokenSpan tokens, Parts parts);
  /// As Trie::split: returns the front.
  Node* split(Node* node, std::size_t offset);
  /// Adds to a node what it lacks of `parts`, another session's of the same edge.
  void complete(Node* node, Parts parts);
  void mark(Node* node);
  /// Makes those of the nodes from `node` up that end beyond `offset` the most recently used.
  void use(Node* node, std::size_t offset);

  /// Merges nodes on the way to `node` that are cheap, end before `offset` and are used by no one else
  /// with their children, the least deep first, so that those that are left are not near each other.
  /// REQUIRES: the caller has acquired `node`.
  void thin(const Node* node, std::size_t offset);

  void acquire(Node* node);
  /// Takes back an acquire(). Then nodes from `node` up merge with their only children where that
  /// loses nothing; a node that some session acquired stays.
  /// Where there is no memory for the order of eviction, it is behind until the next release() or evict().
  void release(Node* node);
  /// Whether nodes may be missing from the order of eviction, or still to be merged.
  bool is_behind() const { return is_behind_; }

  /// Merges nodes from `node` up as release() does.
  void settle_path(Node* node);
  /// The same for those that end beyond `from` only. Returns the node that has the end of `node` now.
  Node* settle_path(Node* node, std::size_t from);

  /// Removes a node and all below it. REQUIRES: no session uses them; it is not the root.
  void remove_all(Node* node);
  /// Puts another part in the place of a group's.
  void replace_part(Node* node, std::size_t group, std::unique_ptr<StatePart> part);
  /// Makes the nodes from `node` up at least as recently used as at this time, if they are older.
  void set_age(Node* node, std::uint64_t time);

  /// Has the node that goes first give up some `wanted` bytes: at least a segment, at most all. Choosing it
  /// is O(log n). False when none may go.
  bool evict(std::size_t wanted);

  bool may_go(const Node& node) const;
  /// Whether `node` and its only child can become one at no loss.
  bool merges_freely(const Node& node) const;
  EvictionRank rank(const Node& node) const;
  static EvictionOrder::Key key(const Node& node) { return reinterpret_cast<EvictionOrder::Key>(&node); }

 private:
  /// Changes what a node owns; it owns it also when that throws.
  template <class Change>
  void change(Node* node, const Change& change);
  void refresh(const Node& node);
  void remove_leaf(Node* node);
  Node* merge(Node* node);
  Node* settle(Node* node);
  /// Cuts off a leaf's tail. Whether there is one that is worth it.
  bool shorten(Node* node, std::size_t wanted);
  /// Puts all nodes in order and merges those that no session uses where they can be, after a release() that
  /// found no memory. O(n log n).
  void catch_up();
  bool is_cheap(const Node& node) const;
  /// Whether a group keeps a whole state at the node's end.
  bool keeps_state(const Node& node) const;

  const Groups& groups_;
  Trie trie_;
  EvictionOrder order_;
  std::uint64_t now_ = 0;
  bool is_behind_ = false;
};

}  // namespace banyan
