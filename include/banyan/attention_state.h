/// Keys and values of full-attention layers: segments, views of them, and attention over many
/// paths at once.
///
/// A segment is an append-only run of tokens in memory, at most kSegmentTokens long so that what
/// is evicted is really freed. Views of a segment share its memory; it is freed with the last view.
/// The state whose view ends where the segment's used tokens end may append in place; any other
/// starts a segment of its own. Nothing here ever copies keys or values.
///
/// States and groups: one thread at a time. AttentionBatch::append and attend are called by all
/// compute threads of one graph operation at once, as their comments say.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "banyan/kv_layout.h"
#include "banyan/state.h"

namespace banyan {

class Segment {
 public:
  /// Allocates room for `capacity` tokens, charged to the budget for the segment's life.
  /// Errors: out_of_memory. REQUIRES: capacity is a positive multiple of KvLayout::kTile.
  static Result<std::shared_ptr<Segment>> create(const KvLayout& layout, int capacity, Budget& budget);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  int capacity() const { return capacity_; }
  /// Tokens that some state has claimed.
  int used() const { return used_; }
  std::size_t bytes() const { return charge_.bytes(); }
  std::byte* data() const { return data_; }

  /// Claims up to `count` tokens after `from` if `from` is where the used tokens end. Returns how
  /// many were claimed.
  int claim(int from, int count);
  /// Gives claimed tokens from `from` on back, if no one claimed after `until`.
  void unclaim(int from, int until);

 private:
  Segment(int capacity, std::byte* data, Charge charge);
  int capacity_;
  int used_ = 0;
  std::byte* data_;
  Charge charge_;
};

/// Tokens [begin, end) of a segment.
struct SegmentView {
  std::shared_ptr<Segment> segment;
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
};

/// A session's path through segments.
class AttentionState final : public LiveState {
 public:
  AttentionState(const KvLayout& layout, Budget& budget, std::vector<SegmentView> views = {});
  /// Gives back what is reserved and not committed.
  ~AttentionState() override;
  AttentionState(const AttentionState&) = delete;
  AttentionState& operator=(const AttentionState&) = delete;

  std::size_t tokens() const override { return tokens_; }
  /// Goes on in the last segment where that is allowed, and then in new ones of as many tokens as are
  /// wanted, in whole tiles, but at least AttentionGroup::kLeastSegmentTokens.
  Result<> reserve(std::size_t count) override;
  void commit(std::size_t count) override;
  void schedule_capture(std::size_t) override {}
  std::unique_ptr<StatePart> snapshot(std::size_t from, std::size_t to) const override;
  void visit_allocations(const AllocationVisitor& visit) const override;

  const KvLayout& layout() const { return layout_; }
  /// The path's views in order; what is reserved but not committed is at their end.
  std::span<const SegmentView> views() const { return views_; }
  /// Tokens of the views: tokens() and what is reserved.
  std::size_t reserved_end() const { return reserved_end_; }

 private:
  KvLayout layout_;
  Budget* budget_;
  std::vector<SegmentView> views_;
  std::size_t tokens_ = 0;
  std::size_t reserved_end_ = 0;
};

/// The group of a model's full-attention layers of one shape.
class AttentionGroup final : public LayerGroup {
 public:
  /// Most tokens in a segment.
  static constexpr int kSegmentTokens = 256;
  /// Least tokens in a segment that a state starts: few enough to waste little on a short reply, and
  /// enough that a long one is not cut up; attention takes 64 tokens at a time.
  static constexpr int kLeastSegmentTokens = 64;

  explicit AttentionGroup(const KvLayout& layout) : layout_(layout) {}
  std::string_view kind() const override { return "attention"; }
  int layer_count() const override { return layout_.layers; }
  std::size_t resumable(std::span<const PathPart> path, std::size_t limit) const override;
  std::unique_ptr<LiveState> resume(std::span<const PathPart> path, std::size_t offset,
                                    Budget& budget) const override;
  const KvLayout& layout() const { return layout_; }

 private:
  KvLayout layout_;
};

/// Attention for one step over several paths. Finds what the paths share by the identity of their
/// segments, so that a trunk is read once for all of them, and keeps what the compute threads need.
///
/// Use: order() the sequences, reserve() in each state, make the batch, let the graph call append
/// and then attend for every layer, commit() in each state.
class AttentionBatch {
 public:
  struct Sequence {
    AttentionState* state = nullptr;
    int rows = 0;  ///< new tokens, at positions tokens() .. tokens() + rows; reserved
  };

  /// An order of the paths in which those that share a trunk are neighbours (a walk of the trie):
  /// indices into `states`.
  static std::vector<std::size_t> order(std::span<const AttentionState* const> states);

  /// The rows of the batch are the sequences' new tokens, one sequence after the other. Results
  /// are right in any order of the sequences; sharing needs neighbours. `query_heads` is a
  /// multiple of the layout's kv_heads. Errors: out_of_memory (scratch for `threads` threads).
  /// REQUIRES: all states have the same layout; none comes twice.
  static Result<std::unique_ptr<AttentionBatch>> create(std::span<const Sequence> sequences, int query_heads,
                                                        float scale, int threads, Budget& budget);
  ~AttentionBatch();

  /// Positions of the rows in their paths.
  std::span<const std::int32_t> positions() const;
  int rows() const;

  /// Writes the rows' keys [rows][kv_heads][key_dim] and values [rows][kv_heads][value_dim]
  /// (contiguous float32) of `layer` (counted in the group) to the segments. Called by threads
  /// 0..nth-1 together; all must return before any calls attend for the layer.
  void append(int layer, const float* keys, const float* values, int ith, int nth);

  /// out [rows][query_heads][value_dim] = softmax(scale * q k) v over each row's path up to and
  /// with the row itself; q is [rows][query_heads][key_dim]; both contiguous float32. Called by
  /// threads 0..nth-1 together, nth <= threads.
  void attend(int layer, const float* q, float* out, int ith, int nth);

  /// Tokens of keys that attend() reads for one layer; a trunk counts once. For tests and logs.
  std::size_t tokens_read() const;

 private:
  AttentionBatch();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace banyan
