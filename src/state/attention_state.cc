#include "banyan/attention_state.h"

#include <algorithm>
#include <utility>

#include "state/attention_part.h"

namespace banyan {
namespace {

int segment_capacity(std::size_t wanted) {
  const auto tokens = static_cast<int>(std::min<std::size_t>(wanted, AttentionGroup::kSegmentTokens));
  const int tiles = (tokens + KvLayout::kTile - 1) / KvLayout::kTile;
  return std::max(AttentionGroup::kLeastSegmentTokens, tiles * KvLayout::kTile);
}

// Tokens of the part, none where the node has none.
std::size_t covered(const PathPart& node) {
  return node.part == nullptr ? 0 : static_cast<const AttentionPart*>(node.part)->tokens();
}

}  // namespace

AttentionState::AttentionState(const KvLayout& layout, Budget& budget, std::vector<SegmentView> views)
    : layout_(layout), budget_(&budget), views_(std::move(views)) {
  for (const SegmentView& view : views_) tokens_ += view.size();
  reserved_end_ = tokens_;
}

AttentionState::~AttentionState() { commit(0); }

Result<> AttentionState::reserve(std::size_t count) {
  std::vector<SegmentView> more;
  std::size_t missing = count;
  const auto claim = [&](const std::shared_ptr<Segment>& segment, int from) {
    const auto wanted = static_cast<int>(std::min<std::size_t>(missing, AttentionGroup::kSegmentTokens));
    const int claimed = segment->claim(from, wanted);
    if (claimed > 0) more.push_back({segment, from, from + claimed});
    missing -= claimed;
  };

  if (!views_.empty()) claim(views_.back().segment, views_.back().end);
  while (missing > 0) {
    auto segment = Segment::create(layout_, segment_capacity(missing), *budget_);
    if (!segment) {
      for (const SegmentView& view : more) view.segment->unclaim(view.begin, view.end);
      return std::unexpected(std::move(segment.error()));
    }
    claim(*segment, 0);
  }
  for (SegmentView& view : more) append_view(views_, std::move(view));
  reserved_end_ += count;
  return {};
}

void AttentionState::commit(std::size_t count) {
  require(count <= reserved_end_ - tokens_, "AttentionState::commit: more than was reserved");
  tokens_ += count;
  while (reserved_end_ > tokens_) {
    SegmentView& last = views_.back();
    const auto back = static_cast<int>(std::min<std::size_t>(reserved_end_ - tokens_, last.size()));
    last.segment->unclaim(last.end - back, last.end);
    last.end -= back;
    reserved_end_ -= back;
    if (last.size() == 0) views_.pop_back();
  }
}

std::unique_ptr<StatePart> AttentionState::snapshot(std::size_t from, std::size_t to) const {
  require(from < to && to <= tokens_, "AttentionState::snapshot: outside what the state has seen");
  return std::make_unique<AttentionPart>(layout_.bytes_per_token(), clip_views(views_, from, to));
}

void AttentionState::visit_allocations(const AllocationVisitor& visit) const { visit_views(views_, visit); }

std::size_t AttentionGroup::resumable(std::span<const PathPart> path, std::size_t limit) const {
  std::size_t offset = 0;
  for (const PathPart& node : path) {
    if (offset >= limit || covered(node) != node.end - node.start) break;
    offset = node.end;
  }
  return std::min(offset, limit);
}

std::unique_ptr<LiveState> AttentionGroup::resume(std::span<const PathPart> path, std::size_t offset,
                                                  Budget& budget) const {
  require(resumable(path, offset) == offset, "AttentionGroup::resume: the path has a gap");
  std::vector<SegmentView> views;
  for (const PathPart& node : path) {
    if (node.start >= offset) break;
    const auto* const part = static_cast<const AttentionPart*>(node.part);
    for (SegmentView& view : clip_views(part->views(), 0, offset - node.start)) {
      append_view(views, std::move(view));
    }
  }
  return std::make_unique<AttentionState>(layout_, budget, std::move(views));
}

}  // namespace banyan
