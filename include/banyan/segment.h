/// Segments of keys and values, and paths through them.
///
/// A segment is an append-only run of tokens in memory, short enough that what is evicted is really
/// freed. Views of a segment share its memory; it is freed with the last view. The path whose last
/// view ends where the segment's used tokens end may append in place; any other starts a segment of
/// its own. Nothing here ever copies keys or values.
///
/// The tokens of a segment may also lie in a block of a lower tier. Such segments are what stored parts
/// (banyan/state.h) are views of; a path is made of segments in memory.
///
/// One thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "banyan/budget.h"
#include "banyan/kv_layout.h"
#include "banyan/state.h"

namespace banyan {

class Segment {
 public:
  /// Allocates room for `capacity` tokens, charged to the budget for the segment's life.
  /// Errors: out_of_memory. REQUIRES: capacity is a positive multiple of KvLayout::kTile.
  static Result<std::shared_ptr<Segment>> create(const KvLayout& layout, int capacity, Budget& budget);
  /// The `tokens` tokens of a block, all of them used.
  static std::shared_ptr<Segment> stored(std::shared_ptr<StoredBlock> block, int tokens);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  int capacity() const { return capacity_; }
  /// Tokens that some state has claimed.
  int used() const { return used_; }
  /// Of memory, or that the block takes in its tier.
  std::size_t bytes() const { return block_ == nullptr ? charge_.bytes() : block_->bytes(); }
  /// Null where the tokens lie in a lower tier.
  std::byte* data() const { return data_; }
  /// Null where the tokens lie in memory.
  const std::shared_ptr<StoredBlock>& block() const { return block_; }
  /// What the tokens lie in: the same for all segments of a block.
  const void* id() const { return block_ == nullptr ? static_cast<const void*>(this) : block_.get(); }

  /// Claims up to `count` tokens after `from` if `from` is where the used tokens end. Returns how
  /// many were claimed.
  int claim(int from, int count);
  /// Gives claimed tokens from `from` on back, if no one claimed after `until`.
  void unclaim(int from, int until);

 private:
  explicit Segment(int capacity) : capacity_(capacity) {}
  Segment(std::shared_ptr<StoredBlock> block, int tokens);
  int capacity_;
  int used_ = 0;
  std::byte* data_ = nullptr;
  Charge charge_;
  std::shared_ptr<StoredBlock> block_;
};

/// Tokens [begin, end) of a segment.
struct SegmentView {
  std::shared_ptr<Segment> segment;
  int begin = 0;
  int end = 0;
  int size() const { return end - begin; }
};

/// Tokens [first(), reserved_end()) of a token path, as views of segments one after the other: the
/// tokens before end() are evaluated, the rest is room that is reserved for those that come next.
class SegmentPath {
 public:
  /// Least tokens in a segment that a path starts: few enough to waste little on a short reply, and
  /// enough that a long one is not cut up; attention takes 64 tokens at a time.
  static constexpr int kLeastSegmentTokens = 64;

  /// A path that begins at token `first` with `views`. Its own segments have at most
  /// `most_segment_tokens`, a multiple of KvLayout::kTile and not less than kLeastSegmentTokens.
  SegmentPath(const KvLayout& layout, Budget& budget, int most_segment_tokens, std::size_t first = 0,
              std::vector<SegmentView> views = {});
  /// Gives back what is reserved.
  ~SegmentPath();
  SegmentPath(const SegmentPath&) = delete;
  SegmentPath& operator=(const SegmentPath&) = delete;

  const KvLayout& layout() const { return layout_; }
  std::size_t first() const { return first_; }
  std::size_t end() const { return end_; }
  std::size_t reserved_end() const { return reserved_end_; }
  std::span<const SegmentView> views() const { return views_; }

  /// Makes room for `count` more tokens: in the last segment where that is allowed, and then in new
  /// ones of as many tokens as are wanted, in whole tiles. Errors: out_of_memory (nothing changed).
  Result<> reserve(std::size_t count);
  /// The first `count` reserved tokens are evaluated; what else was reserved is given back.
  /// REQUIRES: count was reserved.
  void commit(std::size_t count);
  /// Lets go of the tokens before `offset`. REQUIRES: offset <= end().
  void drop_before(std::size_t offset);
  /// Views of the tokens [from, to). REQUIRES: first() <= from <= to <= reserved_end().
  std::vector<SegmentView> clip(std::size_t from, std::size_t to) const;

 private:
  KvLayout layout_;
  Budget* budget_;
  int most_segment_tokens_;
  std::vector<SegmentView> views_;
  std::size_t first_;
  std::size_t end_;
  std::size_t reserved_end_;
};

}  // namespace banyan
