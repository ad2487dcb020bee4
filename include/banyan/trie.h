/// A compressed prefix trie over token sequences.
///
/// A node adds a run of tokens, its edge, to the path from the root; the root is empty. Nodes may
/// own a Snapshot: whatever the trie's user keeps of the edge's tokens. The trie never looks into
/// it; it asks it to split and merge along with the edge, and counts its bytes.
///
/// Invariants (check() verifies them): no two children of a node begin with the same token; every
/// edge but the root's is not empty; a node's start is its parent's end; a node is used by the
/// sessions that end in it and those that use its children; the counters equal the sums over the
/// nodes.
///
/// A node takes 200 to 300 bytes besides its edge: less than what a layer keeps of one token. An edge takes
/// four bytes a token, and up to eight once it was shortened.
///
/// One thread at a time. A Node* stays valid until that node is removed or merged away. When memory
/// runs out (std::bad_alloc) or a snapshot throws, the trie is as before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "banyan/base.h"

namespace banyan {

/// What a node keeps of its edge. Implemented by the trie's user. A snapshot whose split_front or
/// merge_front throws must be as before.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  /// Bytes to count for it. May change only inside split_front, merge_front and shorten, or between
  /// Trie::take_snapshot and Trie::set_snapshot.
  virtual std::size_t bytes() const = 0;

  /// Splits at `at` tokens from the edge's start (strictly inside). Keeps the back; returns the
  /// front, or null when nothing of it can be kept.
  virtual std::unique_ptr<Snapshot> split_front(std::size_t at) = 0;

  /// Joins what the parent's snapshot (may be null) has in front of this one.
  virtual void merge_front(const Snapshot* parent) = 0;

  /// Keeps only what belongs to the edge's first `length` tokens (more than none, fewer than all). Must not
  /// throw, and should take time in proportion to what goes.
  virtual void shorten(std::size_t length) = 0;
};

class Trie;

class Node {
 public:
  /// The tokens that this node adds. Empty for the root only.
  TokenSpan edge() const { return edge_; }
  /// Offset of the edge's first token in the path.
  std::size_t start() const { return end_ - edge_.size(); }
  /// Tokens from the root to the end of the edge.
  std::size_t end() const { return end_; }
  Node* parent() const { return parent_; }
  bool is_root() const { return parent_ == nullptr; }
  bool is_leaf() const { return children_.empty(); }
  std::size_t child_count() const { return children_.size(); }
  /// The child whose edge begins with `first`, or null. O(1).
  Node* child(Token first) const;
  /// REQUIRES: child_count() == 1.
  Node* only_child() const;
  /// Some child. O(1). REQUIRES: !is_leaf().
  Node* any_child() const;
  /// Children in no particular order.
  std::vector<Node*> children() const;

  Snapshot* snapshot() const { return snapshot_.get(); }
  std::uint64_t last_use() const { return last_use_; }
  /// An explicit restore point ends here.
  bool user_mark() const { return user_mark_; }
  /// How many running sessions have this node on their path.
  std::size_t uses() const { return uses_; }

 private:
  friend class Trie;
  friend struct TrieTestPeer;  // breaks a trie to test check()
  std::vector<Token> edge_;
  std::size_t end_ = 0;
  Node* parent_ = nullptr;
  std::unordered_map<Token, std::unique_ptr<Node>> children_;
  std::unique_ptr<Snapshot> snapshot_;
  std::uint64_t last_use_ = 0;
  std::size_t uses_ = 0;
  std::size_t tips_ = 0;  // uses whose path ends here; the rest are the children's
  bool user_mark_ = false;
};

/// The best match of a token sequence: the nodes passed, root first, and the tokens matched. The
/// last node may be matched only in part (length < path.back()->end()).
struct Match {
  std::vector<Node*> path;
  std::size_t length = 0;
};

class Trie {
 public:
  Trie();
  ~Trie();
  Trie(const Trie&) = delete;
  Trie& operator=(const Trie&) = delete;

  Node* root() const { return root_.get(); }

  /// The longest prefix of `tokens` that the trie holds. Never changes anything. At most one child
  /// of a node can match a token, so the answer is unique: where a full edge or a longer part of
  /// one matches, no other does.
  Match match(TokenSpan tokens) const;

  /// Adds `tokens` below `node` and returns the node that now ends there. A leaf that is not the
  /// root, has no snapshot and no user mark and is in no session's use grows in place; otherwise a
  /// child is made, which inherits the last use.
  /// REQUIRES: tokens is not empty and not part of the node's own edge; no child of `node` begins
  /// with tokens[0].
  Node* append(Node* node, TokenSpan tokens);

  /// Cuts the edge of `node` at path offset `offset`. A new node takes the front, the place among
  /// the siblings and what the snapshot leaves there; `node` keeps the rest, its end, its children
  /// and its user mark. Last use and uses are copied to the front. Returns the front.
  /// REQUIRES: node->start() < offset < node->end().
  Node* split(Node* node, std::size_t offset);

  /// Merges `node` with its only child: the edges join, end, children and user mark are the
  /// child's, last use is the later one, the snapshots merge (where the child has none, the node's
  /// is destroyed: nothing would cover the rest of the edge). Returns the surviving node, which is
  /// the child; `node` is gone.
  /// REQUIRES: node is not the root; it has exactly one child; node->uses() == child->uses().
  Node* merge_with_child(Node* node);

  /// Cuts off what a leaf has beyond path offset `end`, and with it the user mark. Takes time in proportion
  /// to what goes, however long the edge is; at times the rest is copied to let go of memory that the edge no
  /// longer needs, which costs less than what has gone since the last time. Never throws std::bad_alloc.
  /// REQUIRES: node is a leaf, uses() == 0, node->start() < end < node->end().
  void shorten(Node* node, std::size_t end);

  /// Removes a leaf and its snapshot.
  /// REQUIRES: node is a leaf, not the root, and uses() == 0.
  void remove(Node* node);

  /// Visits every node, parents first, children in the order of their first token, until `visit`
  /// returns false. `visit` must not add, split, merge or remove nodes.
  void walk(const std::function<bool(Node&)>& visit) const;

  void set_last_use(Node* node, std::uint64_t time) { node->last_use_ = time; }
  void set_user_mark(Node* node, bool mark) { node->user_mark_ = mark; }
  /// Replaces the snapshot (the old one is destroyed).
  void set_snapshot(Node* node, std::unique_ptr<Snapshot> snapshot);
  std::unique_ptr<Snapshot> take_snapshot(Node* node);

  /// Marks every node from `node` up to the root as used by one more session.
  void acquire(Node* node);
  /// Takes one use back from `node` up to the root.
  /// REQUIRES: matches an acquire() of the same node.
  void release(Node* node);

  /// Nodes, the root included.
  std::size_t node_count() const { return nodes_; }
  /// Tokens on all edges.
  std::size_t token_count() const { return tokens_; }
  /// Sum of Snapshot::bytes() over the nodes.
  std::size_t snapshot_bytes() const { return bytes_; }

  /// Verifies every invariant; empty when all hold, else a sentence on the first that does not. O(n).
  std::string check() const;

 private:
  friend struct TrieTestPeer;  // breaks a trie to test check()
  /// What owns `node`, which is not the root.
  static std::unique_ptr<Node>& owner_of(Node* node);

  std::unique_ptr<Node> root_;
  std::size_t nodes_ = 1;
  std::size_t tokens_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace banyan
