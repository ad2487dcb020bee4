/// What a node of the trie owns of a group of attention layers: views of segments.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "banyan/segment.h"
#include "banyan/state.h"
#include "state/segment_views.h"

namespace banyan {

/// Covers its whole edge, or nothing: a path with a gap cannot be resumed, so a part that is joined
/// with a parent's that is missing has nothing.
class AttentionPart final : public StatePart {
 public:
  AttentionPart(std::size_t bytes_per_token, std::vector<SegmentView> views);

  std::size_t bytes() const override { return tokens_ * bytes_per_token_; }
  Halves split(std::size_t at) const override;
  std::unique_ptr<StatePart> joined(const StatePart* parent) const override;
  bool merges_freely(const StatePart& child) const override;
  std::unique_ptr<StatePart> completed(const StatePart& other) const override;
  std::size_t tail(std::size_t bytes) const override;
  void shorten(std::size_t length) override;
  void visit_allocations(const AllocationVisitor& visit) const override { visit_views(views_, visit); }

  std::size_t tokens() const { return tokens_; }
  std::span<const SegmentView> views() const { return views_; }

 private:
  std::size_t bytes_per_token_;
  std::vector<SegmentView> views_;
  std::size_t tokens_;
};

/// Views of the tokens [from, to) of a path whose parts hold them.
std::vector<SegmentView> attention_views(std::span<const PathPart> path, std::size_t from, std::size_t to);

}  // namespace banyan
