/// What a node of the trie owns of a group of attention layers: views of segments.
#pragma once

#include <memory>
#include <vector>

#include "banyan/attention_state.h"

namespace banyan {

/// Adds a view at the end, joined with the last where it goes on in the same segment.
void append_view(std::vector<SegmentView>& views, SegmentView view);

/// The tokens [from, to) of `views`.
std::vector<SegmentView> clip_views(std::span<const SegmentView> views, std::size_t from, std::size_t to);

void visit_views(std::span<const SegmentView> views, const AllocationVisitor& visit);

/// Covers its whole edge, or nothing: a path with a gap cannot be resumed, so a part that is merged
/// with a parent's that is missing lets go of what it has.
class AttentionPart final : public StatePart {
 public:
  AttentionPart(std::size_t bytes_per_token, std::vector<SegmentView> views);

  std::size_t bytes() const override { return tokens_ * bytes_per_token_; }
  std::unique_ptr<StatePart> split_front(std::size_t at) override;
  void merge_front(std::unique_ptr<StatePart> parent) override;
  bool merges_freely() const override { return tokens_ > 0; }
  void visit_allocations(const AllocationVisitor& visit) const override { visit_views(views_, visit); }

  std::size_t tokens() const { return tokens_; }
  std::span<const SegmentView> views() const { return views_; }

 private:
  std::size_t bytes_per_token_;
  std::vector<SegmentView> views_;
  std::size_t tokens_;
};

}  // namespace banyan
