#include "state/attention_part.h"

#include <algorithm>
#include <utility>

namespace banyan {

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
  std::swap(views_, front->views_);
  append_views(views_, std::move(front->views_));
}

bool AttentionPart::merges_freely(const StatePart& child) const {
  return tokens_ > 0 && static_cast<const AttentionPart&>(child).tokens_ > 0;
}

void AttentionPart::complete(std::unique_ptr<StatePart> other) {
  if (tokens_ > 0) return;
  auto* const part = static_cast<AttentionPart*>(other.get());
  std::swap(views_, part->views_);
  std::swap(tokens_, part->tokens_);
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
