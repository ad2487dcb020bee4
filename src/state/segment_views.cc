#include "state/segment_views.h"

#include <algorithm>
#include <utility>

namespace banyan {

std::size_t count_tokens(std::span<const SegmentView> views) {
  std::size_t tokens = 0;
  for (const SegmentView& view : views) tokens += view.size();
  return tokens;
}

void append_view(std::vector<SegmentView>& views, SegmentView view) {
  if (!views.empty() && views.back().end == view.begin && views.back().segment->id() == view.segment->id()) {
    views.back().end = view.end;
  } else {
    views.push_back(std::move(view));
  }
}

void append_views(std::vector<SegmentView>& views, std::vector<SegmentView> more) {
  for (SegmentView& view : more) append_view(views, std::move(view));
}

std::vector<SegmentView> clip_views(std::span<const SegmentView> views, std::size_t from, std::size_t to) {
  std::vector<SegmentView> clipped;
  std::size_t start = 0;
  for (const SegmentView& view : views) {
    if (start >= to) break;
    const std::size_t end = start + view.size();
    const std::size_t first = std::max(from, start);
    const std::size_t last = std::min(to, end);
    if (first < last) {
      clipped.push_back({view.segment, view.begin + static_cast<int>(first - start),
                         view.begin + static_cast<int>(last - start)});
    }
    start = end;
  }
  return clipped;
}

std::size_t freed_with(const SegmentView& view) {
  const auto& block = view.segment->block();
  const bool is_last = view.segment.use_count() == 1 && (block == nullptr || block.use_count() == 1);
  return is_last ? view.segment->bytes() : 0;
}

void visit_views(std::span<const SegmentView> views, const AllocationVisitor& visit) {
  for (const SegmentView& view : views) visit(view.segment->id(), view.segment->bytes());
}

}  // namespace banyan
