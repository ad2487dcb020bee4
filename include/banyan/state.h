/// What the layers of a model remember of a token path.
///
/// Layers of one kind and shape always advance together, so they form a *group* and share one
/// state: a LayerGroup says what kind it is and makes the states, a LiveState is what a running
/// session holds, and a StatePart is what a node of the trie owns of one group for its edge. To
/// split, join or complete a StatePart makes others; the only change to one is that it loses its tail.
///
/// None of this knows the trie; offsets are counted in tokens from the start of the path.
/// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "banyan/base.h"
#include "banyan/budget.h"

namespace banyan {

/// Reports a piece of memory by an identity that is the same wherever it is shared, and its bytes.
using AllocationVisitor = std::function<void(const void* id, std::size_t bytes)>;

class StatePart {
 public:
  virtual ~StatePart() = default;

  /// Bytes that the part's tokens account for. (Memory that parts share is counted in each; the
  /// Budget counts it once.)
  virtual std::size_t bytes() const = 0;
  struct Halves {
    std::unique_ptr<StatePart> front;  ///< null when the kind can keep nothing there
    std::unique_ptr<StatePart> back;
  };
  /// The part of the edge's first `at` tokens and that of the others.
  virtual Halves split(std::size_t at) const = 0;
  /// The part of the parent's edge (whose part may be null) and this one's together.
  virtual std::unique_ptr<StatePart> joined(const StatePart* parent) const = 0;
  /// Whether child.joined(this) would keep every offset at which a path can resume now. When
  /// every part of a node says so, merging the node costs nothing.
  virtual bool merges_freely(const StatePart& child) const = 0;
  /// This one and what it lacks of `other`, a part of the same group for the same edge.
  virtual std::unique_ptr<StatePart> completed(const StatePart& other) const = 0;
  /// Where in the edge the shortest tail begins that frees at least `bytes` when it is cut off, of memory
  /// that no one else holds. 0 where only the whole edge frees as much. By default 0: the part is kept as a
  /// whole.
  virtual std::size_t tail(std::size_t bytes) const;
  /// Keeps the first `length` tokens only, in time proportional to what goes. Never throws std::bad_alloc.
  /// REQUIRES: 0 < length, and some tail() was not 0.
  virtual void shorten(std::size_t length);
  virtual void visit_allocations(const AllocationVisitor& visit) const = 0;
};

/// A block of a lower tier (banyan/tier.h) that holds what a segment or a whole state holds in memory.
/// Whoever made it derives from it to free the block when the last owner lets go.
class StoredBlock {
 public:
  StoredBlock(std::uint64_t id, std::size_t bytes) : id_(id), bytes_(bytes) {}
  virtual ~StoredBlock() = default;
  StoredBlock(const StoredBlock&) = delete;
  StoredBlock& operator=(const StoredBlock&) = delete;

  std::uint64_t id() const { return id_; }
  /// That it takes in its tier.
  std::size_t bytes() const { return bytes_; }

 private:
  std::uint64_t id_;
  std::size_t bytes_;
};

/// Tokens [begin, end) of an edge. A whole state of the edge's end is the empty range there.
struct EdgeRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const EdgeRange&) const = default;
};

/// What a stored part has of its edge: the range lies in `block` from its token `at` on. Of a whole state the
/// block is all, and `at` and `block_tokens` are 0.
struct StoredRun {
  EdgeRange range;
  std::shared_ptr<StoredBlock> block;
  int at = 0;
  int block_tokens = 0;  ///< that the block has
};

/// One node's part on a path: null when the node has none for this group.
struct PathPart {
  const StatePart* part = nullptr;
  std::size_t start = 0;
  std::size_t end = 0;
};

class LiveState {
 public:
  virtual ~LiveState() = default;

  /// Tokens of the path that the state has seen.
  virtual std::size_t tokens() const = 0;
  /// Makes room for `count` more tokens. Errors: out_of_memory (nothing changed).
  virtual Result<> reserve(std::size_t count) = 0;
  /// The forward pass has written the first `count` reserved tokens; what else was reserved is
  /// given back. REQUIRES: count was reserved.
  virtual void commit(std::size_t count) = 0;
  /// Asks that the path can later be resumed at `offset`, which is not yet seen. Kinds that can
  /// resume anywhere ignore it. REQUIRES: offset > tokens().
  virtual void schedule_capture(std::size_t offset) = 0;
  /// What a node with the edge [from, to) owns. Copies no keys or values. Null when the kind can
  /// keep nothing for it. REQUIRES: from < to <= tokens().
  virtual std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const = 0;
  virtual void visit_allocations(const AllocationVisitor& visit) const = 0;
};

/// A live state whose memory is still to be filled from a lower tier.
struct LoadingState {
  struct Block {
    std::shared_ptr<StoredBlock> block;
    std::size_t bytes = 0;  ///< LayerGroup::block_bytes() of it
    /// Copies what is wanted of the block's bytes. Any thread may call it, while the state lives; no two
    /// functions write to the same memory.
    std::function<void(std::span<const std::byte>)> take;
  };
  std::unique_ptr<LiveState> state;  ///< of no use before every block has been taken
  std::vector<Block> blocks;         ///< each once
};

class LayerGroup {
 public:
  virtual ~LayerGroup() = default;

  /// What reach() tells where all of a path must be kept.
  static constexpr std::size_t kWholePath = SIZE_MAX;

  /// One word for people: "attention", "window", "recurrent". Nothing is decided by it.
  virtual std::string_view kind() const = 0;
  /// The kind and its shape in words. Of two groups with the same text, the same model leaves the same bytes
  /// for the same tokens; lower tiers keep apart what is of others.
  virtual std::string description() const = 0;
  virtual int layer_count() const = 0;
  /// How many tokens before an offset must be kept for a path to resume there, at most. kWholePath: all, so
  /// that it resumes wherever its parts reach without a gap and needs no restore points. 0: none, but the
  /// state at that very offset; each part that is not null is such a state of its edge's end, as large
  /// however short the edge.
  virtual std::size_t reach() const = 0;
  /// The least bytes of the budget that a live state takes once it has seen `tokens` tokens. 0 where the kind
  /// does not say.
  virtual std::size_t least_bytes(std::size_t tokens) const;
  /// The deepest offset <= limit at which these parts (adjoining, from the path's start) allow the
  /// group to resume; 0 when none.
  virtual std::size_t resumable(std::span<const PathPart> path, std::size_t limit) const = 0;
  /// A live state that stands at `offset`. Copies no keys or values.
  /// REQUIRES: offset == 0 or resumable(path, offset) == offset.
  virtual std::unique_ptr<LiveState> resume(std::span<const PathPart> path, std::size_t offset,
                                            Budget& budget) const = 0;
  /// What is wrong with the part in memory (null: there is none) that a node with an edge of `length` tokens
  /// has, as a text that goes on from "has a part that", for PrefixCache::check(). Empty when nothing is, and
  /// by default.
  virtual std::string check(const StatePart* part, std::size_t length) const;

  // Lower tiers. A *stored part* is a part of the same class whose segments and states are blocks of a lower
  // tier: it is split, merged, completed and asked where it resumes like any other, but never resumed from.
  // The bytes of a block are the same on every machine (docs/disk-cache.md). By default a group stores
  // nothing.

  /// Bytes of a block of `tokens` tokens; where the kind keeps whole states, of one, and `tokens` is 0.
  virtual std::size_t block_bytes(std::size_t tokens) const;
  /// What a part has of its edge of `length` tokens, in order; adjoining ranges are one. (Dumps of the cache
  /// count these tokens.)
  virtual std::vector<EdgeRange> ranges(const StatePart& part, std::size_t length) const;
  /// Writes the bytes of a block that holds `range`, which lies in one of the ranges() of a part in memory.
  /// The function may be called by any thread; it holds on to the part's memory.
  virtual std::function<void(std::span<std::byte>)> writer(const StatePart& part, EdgeRange range) const;
  /// A stored part of an edge of `length` tokens, of runs in order that do not overlap. Null when the kind
  /// can keep nothing of that.
  virtual std::unique_ptr<StatePart> stored_part(std::size_t length, std::span<const StoredRun> runs) const;
  /// What a stored part is made of, in order.
  virtual std::vector<StoredRun> stored_runs(const StatePart& part, std::size_t length) const;
  /// A live state at `offset` of the path of `stored`, of blocks and of what `memory` has of the first
  /// `in_memory` tokens, as far as the two paths are one. Errors: out_of_memory.
  /// REQUIRES: resumable(stored, offset) == offset > 0.
  virtual Result<LoadingState> load(std::span<const PathPart> memory, std::size_t in_memory,
                                    std::span<const PathPart> stored, std::size_t offset,
                                    Budget& budget) const;
};

}  // namespace banyan
