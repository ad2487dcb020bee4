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
  if (!views.empty() && views.back().segment == view.segment && views.back().end == view.begin) {
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
    const std::size_t end = start + view.size();
    if (start >= to) break;
    if (end > from) {
      const int begin = view.begin + static_cast<int>(std::max(from, start) - start);
      clipped.push_back({view.segment, begin, view.begin + static_cast<int>(std::min(to, end) - start)});
    }
    start = end;
  }
  return clipped;
}

void visit_views(std::span<const SegmentView> views, const AllocationVisitor& visit) {
  for (const SegmentView& view : views) visit(view.segment.get(), view.segment->bytes());
}

}  // namespace banyan
