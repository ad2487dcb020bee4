#include "banyan/window_state.h"

#include <algorithm>
#include <format>
#include <ranges>
#include <utility>

#include "state/describe.h"
#include "state/segment_views.h"
#include "state/window_part.h"

namespace banyan {
namespace {

// A segment is freed when all of it has left the window, so that a segment's tokens at most wait for
// that: about a fourth of the window where segments can be so short.
int most_segment_tokens(int window) {
  const int tiles = (window / 4 + KvLayout::kTile - 1) / KvLayout::kTile;
  return std::clamp(tiles * KvLayout::kTile, SegmentPath::kLeastSegmentTokens, 256);
}

}  // namespace

WindowState::WindowState(const KvLayout& layout, int window, Budget& budget, std::size_t first,
                         std::vector<SegmentView> views)
    : window_(window), path_(layout, budget, most_segment_tokens(window), first, std::move(views)) {}

Result<> WindowState::reserve(std::size_t count) {
  auto reserved = path_.reserve(count);
  while (!reserved && !captured_.empty()) {
    captured_.erase(captured_.begin());
    reserved = path_.reserve(count);
  }
  return reserved;
}

void WindowState::commit(std::size_t count) {
  path_.commit(count);
  while (!scheduled_.empty() && *scheduled_.begin() <= tokens()) {
    const std::size_t offset = scheduled_.extract(scheduled_.begin()).value();
    captured_.emplace(offset, path_.clip(window_begin(offset, window_), offset));
  }
  path_.drop_before(window_begin(tokens(), window_));
}

void WindowState::schedule_capture(std::size_t offset) {
  require(offset > tokens(), "WindowState::schedule_capture: seen already");
  scheduled_.insert(offset);
}

std::unique_ptr<StatePart> WindowState::snapshot(std::size_t from, std::size_t to) const {
  require(from < to && to <= tokens(), "WindowState::snapshot: outside what the state has seen");
  auto part = std::make_unique<WindowPart>(path_.layout().bytes_per_token(), window_, to - from);
  const auto add = [&](std::size_t first, std::span<const SegmentView> views) {
    const std::size_t begin = std::max({first, from, window_begin(to, window_)});
    if (begin < to) part->add(begin - from, clip_views(views, begin - first, to - first));
  };
  add(path_.first(), path_.views());
  for (const auto& [offset, views] : captured_) add(window_begin(offset, window_), views);
  return part;
}

void WindowState::visit_allocations(const AllocationVisitor& visit) const {
  visit_views(path_.views(), visit);
  for (const auto& [offset, views] : captured_) visit_views(views, visit);
}

WindowGroup::WindowGroup(const KvLayout& layout, int window) : layout_(layout), window_(window) {
  require(window > 0, "WindowGroup: a window of no size");
}

std::string WindowGroup::description() const {
  return std::format("window {}: {}", window_, describe(layout_));
}

std::size_t WindowGroup::least_bytes(std::size_t tokens) const {
  return layout_.bytes_per_token() * std::min(tokens, static_cast<std::size_t>(window_));
}

std::size_t WindowGroup::resumable(std::span<const PathPart> path, std::size_t limit) const {
  // The tokens [begin, end) are kept, as far as was looked, from the path's end on.
  std::size_t begin = 0;
  std::size_t end = 0;
  for (const PathPart& node : std::views::reverse(path)) {
    for (const WindowPart::Piece& piece : std::views::reverse(pieces_of(node))) {
      const std::size_t from = node.start + piece.begin;
      const std::size_t to = std::min(limit, node.start + piece.end);
      if (from >= to) continue;
      if (to != begin) end = to;
      begin = from;
      if (begin == 0 || end - begin >= static_cast<std::size_t>(window_)) return end;
    }
  }
  return 0;
}

std::unique_ptr<LiveState> WindowGroup::resume(std::span<const PathPart> path, std::size_t offset,
                                               Budget& budget) const {
  require(resumable(path, offset) == offset, "WindowGroup::resume: the window is not kept");
  const std::size_t first = window_begin(offset, window_);
  return std::make_unique<WindowState>(layout_, window_, budget, first, window_views(path, first, offset));
}

std::string WindowGroup::check(const StatePart* part, std::size_t length) const {
  if (part == nullptr) return "is missing";
  std::size_t next = window_begin(length, reach());
  for (const auto& [begin, end, views] : static_cast<const WindowPart*>(part)->pieces()) {
    if (begin < next || end > length) return "does not lie in its edge";
    if (begin + count_tokens(views) != end) return "has views of too many or too few tokens";
    next = end + 1;
  }
  return {};
}

}  // namespace banyan
