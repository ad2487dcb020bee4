#include "state/shared_runs.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <tuple>

namespace banyan {
namespace {

// A place on a path: a token of its views, or their end.
class Cursor {
 public:
  Cursor(const SegmentPath& path, std::size_t end)
      : view_(path.views().data()), position_(path.first()), end_(end) {}

  bool at_end() const { return position_ == end_; }
  std::size_t position() const { return position_; }
  const Segment* segment() const { return view_->segment.get(); }
  int token() const { return view_->begin + passed_; }
  // Tokens from here on that lie together.
  int run() const {
    return static_cast<int>(std::min<std::size_t>(end_ - position_, view_->size() - passed_));
  }
  // How many tokens further on in the same segment the other stands; 0 if it does not.
  int ahead(const Cursor& other) const {
    if (at_end() || other.at_end() || segment() != other.segment() || token() >= other.token()) return 0;
    const int tokens = other.token() - token();
    return position_ + tokens == other.position_ ? tokens : 0;
  }
  bool same_place(const Cursor& other) const {
    return !at_end() && !other.at_end() && position_ == other.position_ && segment() == other.segment() &&
           token() == other.token();
  }
  // Whether this one's letter comes before the other's. The end of a path is before all letters.
  bool before(const Cursor& other) const {
    if (at_end() || other.at_end()) return at_end() && !other.at_end();
    if (segment() != other.segment()) return std::less<>()(segment(), other.segment());
    return token() < other.token();
  }
  void advance(int tokens) {
    position_ += tokens;
    passed_ += tokens;
    if (passed_ == view_->size()) {
      ++view_;
      passed_ = 0;
    }
  }

 private:
  const SegmentView* view_;  // none at the end
  std::size_t position_;
  std::size_t end_;
  int passed_ = 0;  // of the view's tokens
};

struct OrderedPath {
  std::size_t index;
  Cursor cursor;
};

// Orders paths that have all letters before their cursors in common.
void order_from_cursors(std::span<OrderedPath> paths) {
  // How far all go on together.
  const auto common_run = [&] {
    int run = std::numeric_limits<int>::max();
    for (const auto& [index, cursor] : paths) {
      if (!cursor.same_place(paths.front().cursor)) return 0;
      run = std::min(run, cursor.run());
    }
    return run;
  };
  if (paths.size() <= 1) return;
  while (const int run = common_run()) {
    for (OrderedPath& path : paths) path.cursor.advance(run);
  }
  std::ranges::stable_sort(
      paths, [](const Cursor& a, const Cursor& b) { return a.before(b); }, &OrderedPath::cursor);
  for (std::size_t first = 0, next; first < paths.size(); first = next) {
    next = first + 1;
    while (next < paths.size() && paths[next].cursor.same_place(paths[first].cursor)) ++next;
    if (next > first + 1) order_from_cursors(paths.subspan(first, next - first));
  }
}

// Neighbours [first, last) that stand at the same place.
struct Group {
  std::size_t position;
  std::size_t first;
  std::size_t last;
};

struct ComesLater {
  bool operator()(const Group& a, const Group& b) const {
    return std::tie(a.position, a.first) > std::tie(b.position, b.first);
  }
};

}  // namespace

std::vector<std::size_t> order_paths(std::span<const SegmentPath* const> paths) {
  std::vector<OrderedPath> ordered;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    ordered.push_back({i, Cursor(*paths[i], paths[i]->reserved_end())});
  }
  // Windows may begin at the same letter at different positions, where they have nothing in common.
  std::ranges::stable_sort(ordered, {}, [](const OrderedPath& path) { return path.cursor.position(); });
  order_from_cursors(ordered);
  std::vector<std::size_t> order;
  for (const OrderedPath& path : ordered) order.push_back(path.index);
  return order;
}

// Goes by position: wherever paths meet, they stand there at the same time.
SharedRuns find_shared_runs(std::span<const RowsOfPath> paths) {
  std::vector<Cursor> cursors;
  std::priority_queue<Group, std::vector<Group>, ComesLater> groups;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    cursors.emplace_back(*paths[i].path, paths[i].end);
    if (!cursors[i].at_end()) groups.push({cursors[i].position(), i, i + 1});
  }
  SharedRuns shared;
  while (!groups.empty()) {
    Group group = groups.top();
    groups.pop();
    const Cursor at = cursors[group.first];
    // Neighbours at this place come next.
    while (!groups.empty() && groups.top().first == group.last && cursors[group.last].same_place(at)) {
      group.last = groups.top().last;
      groups.pop();
    }
    int run = at.run();
    for (std::size_t i = group.first; i < group.last; ++i) run = std::min(run, cursors[i].run());
    // Where a neighbour waits, the group goes on with it.
    const auto stop_at = [&](const Cursor& neighbour) {
      if (const int ahead = at.ahead(neighbour); ahead > 0) run = std::min(run, ahead);
    };
    if (group.first > 0) stop_at(cursors[group.first - 1]);
    if (group.last < paths.size()) stop_at(cursors[group.last]);

    shared.runs.push_back({.run = {.segment = at.segment()->data(),
                                   .capacity = at.segment()->capacity(),
                                   .begin = at.token(),
                                   .end = at.token() + run,
                                   .position = static_cast<std::int32_t>(at.position())},
                           .row_begin = paths[group.first].row_begin,
                           .row_end = paths[group.last - 1].row_end});
    shared.looks += group.last - group.first;
    // Some may be done, and some part here.
    std::size_t first = group.first;
    const auto close_at = [&](std::size_t last) {
      if (first < last && !cursors[first].at_end()) groups.push({cursors[first].position(), first, last});
      first = last;
    };
    for (std::size_t i = group.first; i < group.last; ++i) {
      cursors[i].advance(run);
      if (!cursors[i].same_place(cursors[first])) close_at(i);
    }
    close_at(group.last);
  }
  return shared;
}

}  // namespace banyan
