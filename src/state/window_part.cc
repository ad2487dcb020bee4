#include "state/window_part.h"

#include <algorithm>
#include <utility>

#include "state/segment_views.h"

namespace banyan {

std::size_t WindowPart::bytes() const {
  std::size_t tokens = 0;
  for (const Piece& piece : pieces_) tokens += piece.end - piece.begin;
  return tokens * bytes_per_token_;
}

StatePart::Halves WindowPart::split(std::size_t at) const {
  require(at > 0 && at < length_, "WindowPart::split: outside the edge");
  auto front = std::make_unique<WindowPart>(bytes_per_token_, window_, at);
  auto back = std::make_unique<WindowPart>(bytes_per_token_, window_, length_ - at);
  front->pieces_ = clip(0, at);
  back->pieces_ = clip(at, length_);
  return {std::move(front), std::move(back)};
}

std::unique_ptr<StatePart> WindowPart::joined(const StatePart* parent) const {
  require(parent != nullptr, "WindowPart::joined: every node has a part");
  const auto& front = static_cast<const WindowPart&>(*parent);
  auto joined = std::make_unique<WindowPart>(bytes_per_token_, window_, front.length_ + length_);
  const std::size_t kept = window_begin(joined->length_, window_);
  if (kept < front.length_) {
    for (Piece& piece : front.clip(kept, front.length_)) {
      joined->append({piece.begin + kept, piece.end + kept, std::move(piece.views)});
    }
  }
  for (const auto& [begin, end, views] : pieces_) {
    joined->append({begin + front.length_, end + front.length_, views});
  }
  return joined;
}

bool WindowPart::merges_freely(const StatePart& child) const {
  const std::size_t joined = length_ + static_cast<const WindowPart&>(child).length_;
  return pieces_.empty() || joined - pieces_.front().begin <= window_;
}

std::unique_ptr<StatePart> WindowPart::completed(const StatePart& other) const {
  auto completed = std::make_unique<WindowPart>(*this);
  for (const Piece& piece : static_cast<const WindowPart&>(other).pieces_) {
    completed->add(piece.begin, piece.views);
  }
  return completed;
}

void WindowPart::visit_allocations(const AllocationVisitor& visit) const {
  for (const Piece& piece : pieces_) visit_views(piece.views, visit);
}

void WindowPart::add(std::size_t begin, std::span<const SegmentView> views) {
  const std::size_t end = begin + count_tokens(views);
  std::size_t next = begin;
  const auto append_until = [&](std::size_t until) {
    if (next < until) append({next, until, clip_views(views, next - begin, until - begin)});
  };
  for (Piece& piece : std::exchange(pieces_, {})) {
    append_until(std::min(piece.begin, end));
    next = std::max(next, piece.end);
    append(std::move(piece));
  }
  append_until(end);
}

void WindowPart::append(Piece piece) {
  if (!pieces_.empty() && pieces_.back().end == piece.begin) {
    pieces_.back().end = piece.end;
    append_views(pieces_.back().views, std::move(piece.views));
  } else {
    pieces_.push_back(std::move(piece));
  }
}

std::vector<WindowPart::Piece> WindowPart::clip(std::size_t from, std::size_t to) const {
  std::vector<Piece> clipped;
  for (const auto& [begin, end, views] : pieces_) {
    const std::size_t first = std::max(begin, from);
    const std::size_t last = std::min(end, to);
    if (first < last) {
      clipped.push_back({first - from, last - from, clip_views(views, first - begin, last - begin)});
    }
  }
  return clipped;
}

std::span<const WindowPart::Piece> pieces_of(const PathPart& node) {
  if (node.part == nullptr) return {};
  return static_cast<const WindowPart*>(node.part)->pieces();
}

std::vector<SegmentView> window_views(std::span<const PathPart> path, std::size_t from, std::size_t to) {
  std::vector<SegmentView> views;
  for (const PathPart& node : path) {
    for (const WindowPart::Piece& piece : pieces_of(node)) {
      const std::size_t start = node.start + piece.begin;
      const std::size_t first = std::max(from, start);
      const std::size_t last = std::min(to, node.start + piece.end);
      if (first < last) append_views(views, clip_views(piece.views, first - start, last - start));
    }
  }
  return views;
}

}  // namespace banyan
