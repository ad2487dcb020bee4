#include <algorithm>
#include <utility>

#include "banyan/segment.h"
#include "state/segment_views.h"

namespace banyan {
namespace {

int whole_tiles(int tokens) { return (tokens + KvLayout::kTile - 1) / KvLayout::kTile * KvLayout::kTile; }

}  // namespace

SegmentPath::SegmentPath(const KvLayout& layout, Budget& budget, int most_segment_tokens, std::size_t first,
                         std::vector<SegmentView> views)
    : layout_(layout),
      budget_(&budget),
      most_segment_tokens_(most_segment_tokens),
      views_(std::move(views)),
      first_(first),
      end_(first + count_tokens(views_)),
      reserved_end_(end_) {
  require(most_segment_tokens >= kLeastSegmentTokens && most_segment_tokens % KvLayout::kTile == 0,
          "SegmentPath: segments of such a size");
}

SegmentPath::~SegmentPath() { commit(0); }

Result<> SegmentPath::reserve(std::size_t count) {
  std::vector<SegmentView> more;
  std::size_t missing = count;
  const auto wanted = [&] { return static_cast<int>(std::min<std::size_t>(missing, most_segment_tokens_)); };
  const auto claim = [&](const std::shared_ptr<Segment>& segment, int from) {
    more.push_back({segment, from, from});  // first, as it may throw
    const int claimed = segment->claim(from, wanted());
    more.back().end += claimed;
    missing -= claimed;
    if (claimed == 0) more.pop_back();
  };
  const auto give_back = [&] {
    for (const SegmentView& view : more) view.segment->unclaim(view.begin, view.end);
  };

  try {
    if (!views_.empty()) claim(views_.back().segment, views_.back().end);
    while (missing > 0) {
      auto segment = Segment::create(layout_, std::max(kLeastSegmentTokens, whole_tiles(wanted())), *budget_);
      if (!segment) {
        give_back();
        return std::unexpected(std::move(segment.error()));
      }
      claim(*segment, 0);
    }
    views_.reserve(views_.size() + more.size());  // so that all of them are added or none
  } catch (...) {
    give_back();
    throw;
  }
  append_views(views_, std::move(more));
  reserved_end_ += count;
  return {};
}

void SegmentPath::commit(std::size_t count) {
  require(count <= reserved_end_ - end_, "SegmentPath::commit: more than was reserved");
  end_ += count;
  while (reserved_end_ > end_) {
    SegmentView& last = views_.back();
    const auto back = static_cast<int>(std::min<std::size_t>(reserved_end_ - end_, last.size()));
    last.segment->unclaim(last.end - back, last.end);
    last.end -= back;
    reserved_end_ -= back;
    if (last.size() == 0) views_.pop_back();
  }
}

void SegmentPath::drop_before(std::size_t offset) {
  require(offset <= end_, "SegmentPath::drop_before: not evaluated yet");
  if (offset <= first_) return;
  views_ = clip(offset, reserved_end_);
  first_ = offset;
}

std::vector<SegmentView> SegmentPath::clip(std::size_t from, std::size_t to) const {
  require(first_ <= from && from <= to && to <= reserved_end_, "SegmentPath::clip: outside the path");
  return clip_views(views_, from - first_, to - first_);
}

}  // namespace banyan
