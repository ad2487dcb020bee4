#include "state/attention_part.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace banyan {

AttentionPart::AttentionPart(std::size_t bytes_per_token, std::vector<SegmentView> views)
    : bytes_per_token_(bytes_per_token), views_(std::move(views)), tokens_(count_tokens(views_)) {}

StatePart::Halves AttentionPart::split(std::size_t at) const {
  if (tokens_ == 0) return {nullptr, std::make_unique<AttentionPart>(*this)};
  require(at > 0 && at < tokens_, "AttentionPart::split: outside the edge");
  return {std::make_unique<AttentionPart>(bytes_per_token_, clip_views(views_, 0, at)),
          std::make_unique<AttentionPart>(bytes_per_token_, clip_views(views_, at, tokens_))};
}

std::unique_ptr<StatePart> AttentionPart::joined(const StatePart* parent) const {
  const auto* const front = static_cast<const AttentionPart*>(parent);
  std::vector<SegmentView> views;
  if (front != nullptr && front->tokens_ > 0 && tokens_ > 0) {
    views.reserve(front->views_.size() + views_.size());
    views = front->views_;
    append_views(views, views_);
  }
  return std::make_unique<AttentionPart>(bytes_per_token_, std::move(views));
}

bool AttentionPart::merges_freely(const StatePart& child) const {
  return tokens_ > 0 && static_cast<const AttentionPart&>(child).tokens_ > 0;
}

std::unique_ptr<StatePart> AttentionPart::completed(const StatePart& other) const {
  return std::make_unique<AttentionPart>(tokens_ > 0 ? *this : static_cast<const AttentionPart&>(other));
}

std::size_t AttentionPart::tail(std::size_t bytes) const {
  std::size_t begin = tokens_;
  std::size_t freed = 0;
  for (const SegmentView& view : std::views::reverse(views_)) {
    begin -= view.size();
    freed += freed_with(view);
    if (freed > 0 && freed >= bytes) return begin;
  }
  return 0;
}

void AttentionPart::shorten(std::size_t length) {
  require(length > 0 && length <= tokens_, "AttentionPart::shorten: outside the edge");
  while (tokens_ > length) {
    SegmentView& last = views_.back();
    const auto gone = static_cast<int>(std::min<std::size_t>(tokens_ - length, last.size()));
    last.end -= gone;
    tokens_ -= gone;
    if (last.size() == 0) views_.pop_back();
  }
}

std::vector<SegmentView> attention_views(std::span<const PathPart> path, std::size_t from, std::size_t to) {
  std::vector<SegmentView> views;
  for (const PathPart& node : path) {
    if (node.start >= to) break;
    if (node.end <= from) continue;
    const auto* const part = static_cast<const AttentionPart*>(node.part);
    append_views(views, clip_views(part->views(), std::max(from, node.start) - node.start, to - node.start));
  }
  return views;
}

}  // namespace banyan
