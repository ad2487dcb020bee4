#include "state/attention_part.h"

#include <algorithm>
#include <utility>

namespace banyan {
namespace {

std::size_t count_tokens(std::span<const SegmentView> views) {
  std::size_t tokens = 0;
  for (const SegmentView& view : views) tokens += view.size();
  return tokens;
}

}  // namespace

void append_view(std::vector<SegmentView>& views, SegmentView view) {
  if (!views.empty() && views.back().segment == view.segment && views.back().end == view.begin) {
    views.back().end = view.end;
  } else {
    views.push_back(std::move(view));
  }
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

AttentionPart::AttentionPart(std::size_t bytes_per_token, std::vector<SegmentView> views)
    : bytes_per_token_(bytes_per_token), views_(std::move(views)), tokens_(count_tokens(views_)) {}

std::unique_ptr<StatePart> AttentionPart::split_front(std::size_t at) {
  if (tokens_ == 0) return nullptr;
  require(at > 0 && at < tokens_, "AttentionPart::split_front: outside the edge");
  auto front = std::make_unique<AttentionPart>(bytes_per_token_, clip_views(views_, 0, at));
  views_ = clip_views(views_, at, tokens_);
  tokens_ -= at;
  return front;
}

void AttentionPart::merge_front(std::unique_ptr<StatePart> parent) {
  auto* const front = static_cast<AttentionPart*>(parent.get());
  if (front == nullptr || front->tokens_ == 0 || tokens_ == 0) {
    views_.clear();
    tokens_ = 0;
    return;
  }
  tokens_ += front->tokens_;
  std::vector<SegmentView> joined = std::move(front->views_);
  for (SegmentView& view : views_) append_view(joined, std::move(view));
  views_ = std::move(joined);
}

}  // namespace banyan
