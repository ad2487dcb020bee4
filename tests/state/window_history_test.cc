// Random histories of window states and of what is stored of them, against plain sets of the tokens
// that each should hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "banyan/window_state.h"
#include "state/attention_tools.h"
#include "state/parts.h"
#include "state/random_choices.h"
#include "state/window_part.h"
#include "support/scale.h"

namespace banyan::test {
namespace {

using Offsets = std::set<std::size_t>;

class History : RandomChoices {
 public:
  // Under a tight budget captures may be given up.
  History(std::uint64_t seed, const Kind& kind, bool tight)
      : RandomChoices(seed),
        kind_(kind),
        tight_(tight),
        budget_((tight ? 900 : 1 << 20) * kind.layout.bytes_per_token()) {
    budget_.set_reclaimer([this](std::size_t) { return drop_stored(); });
  }

  void step() {
    switch (pick(0, 11)) {
      case 0:
        if (live_.size() < 6) live_.push_back({test::start(budget_, kind_), {}, {}, {}});
        break;
      case 1:
      case 2:
        resume_one();
        break;
      case 3:
        if (!live_.empty()) drop(live_);
        break;
      case 4:
      case 5:
        store_one();
        break;
      case 6:
        split_one();
        break;
      case 7:
        merge_one();
        break;
      case 8:
        complete_one();
        break;
      default:
        evaluate_some();
    }
    check();
  }

  // Drops everything. Returns how often there was no memory.
  int end() {
    live_.clear();
    stored_.clear();
    EXPECT_EQ(budget_.used(), 0);
    return refused_;
  }

 private:
  struct Live {
    LivePath path;
    Offsets scheduled;  // and not seen yet
    Offsets captured;
    Names known;  // a path that another went before, and that this one may take again
  };
  struct Stored {
    StoredPath path;
    std::vector<Offsets> kept;  // by each node
  };

  bool drop_stored() {
    if (stored_.empty()) return false;
    drop(stored_);
    return true;
  }
  std::size_t window() const { return kind_.window; }

  // The tokens in [from, to) of the window before `to` that `live` holds.
  Offsets held(const Live& live, std::size_t from, std::size_t to) const {
    Offsets ends = live.captured;
    ends.insert(live.path.names.size());
    Offsets result;
    for (const std::size_t end : ends) {
      for (std::size_t t = end - std::min(end, window()); t < end; ++t) {
        if (t >= from && t < to && t + window() >= to) result.insert(t);
      }
    }
    return result;
  }

  // What a part of `live` for the edge [from, to) covers, which is what `live` holds.
  Offsets covered(const Live& live, const StatePart& part, std::size_t from, std::size_t to) const {
    Offsets result;
    for (const auto& piece : static_cast<const WindowPart&>(part).pieces()) {
      for (std::size_t t = piece.begin; t < piece.end; ++t) result.insert(from + t);
    }
    const Offsets expected = held(live, from, to);
    if (tight_) {
      EXPECT_TRUE(std::ranges::includes(expected, result));
    } else {
      EXPECT_EQ(result, expected);
    }
    return result;
  }

  // Offsets at which the path should be resumable.
  std::vector<std::size_t> resumable(const Stored& stored) const {
    std::vector<std::size_t> result{0};
    std::size_t run = 0;
    for (std::size_t i = 0; i < stored.kept.size(); ++i) {
      for (std::size_t t = stored.path.nodes[i].start; t < stored.path.nodes[i].end; ++t) {
        run = stored.kept[i].contains(t) ? run + 1 : 0;
        if (run >= std::min(t + 1, window())) result.push_back(t + 1);
      }
    }
    return result;
  }

  void resume_one() {
    if (stored_.empty() || live_.size() >= 6) return;
    const Stored& stored = any(stored_);
    std::vector<std::size_t> offsets = resumable(stored);
    const std::size_t offset = pick(0, 1) == 0 ? any(offsets) : offsets.back();
    const std::size_t before = budget_.used();
    live_.push_back({test::resume(stored.path, offset, budget_, kind_), {}, {}, stored.path.names});
    EXPECT_EQ(budget_.used(), before);
  }

  void store_one() {
    if (live_.empty()) return;
    const Live& live = any(live_);
    Offsets ends;
    for (const std::size_t end : live.captured) {
      if (pick(0, 1) == 0) ends.insert(end);
    }
    if (pick(0, 1) == 0) ends.insert(live.path.names.size());
    for (int cuts = pick(0, 2); cuts > 0; --cuts) {
      ends.insert(pick(0, static_cast<int>(live.path.names.size())));
    }
    ends.erase(0);
    if (ends.empty()) return;
    const std::size_t before = budget_.used();
    Stored stored{test::store(live.path, std::vector(ends.begin(), ends.end())), {}};
    EXPECT_EQ(budget_.used(), before);
    for (const auto& [part, start, end] : stored.path.nodes) {
      stored.kept.push_back(covered(live, *part, start, end));
    }
    stored_.push_back(std::move(stored));
  }

  void split_one() {
    if (stored_.empty()) return;
    auto& [path, kept] = any(stored_);
    const int i = pick(0, static_cast<int>(path.nodes.size()) - 1);
    auto& node = path.nodes[i];
    const int size = static_cast<int>(node.end - node.start);
    if (size < 2) return;
    const int at = pick(1, size - 1);
    const std::size_t middle = node.start + at;
    const std::size_t before = budget_.used();
    StoredPath::Node front{split_front(node.part, at), node.start, middle};
    EXPECT_EQ(budget_.used(), before);
    node.start = middle;
    path.nodes.insert(path.nodes.begin() + i, std::move(front));
    const Offsets all = kept[i];
    kept[i] = Offsets(all.lower_bound(middle), all.end());
    kept.insert(kept.begin() + i, Offsets(all.begin(), all.lower_bound(middle)));
  }

  void merge_one() {
    if (stored_.empty()) return;
    auto& [path, kept] = any(stored_);
    if (path.nodes.size() < 2) return;
    const int i = pick(1, static_cast<int>(path.nodes.size()) - 1);
    auto& parent = path.nodes[i - 1];
    auto& child = path.nodes[i];
    const bool free = kept[i - 1].empty() || *kept[i - 1].begin() + window() >= child.end;
    EXPECT_EQ(parent.part->merges_freely(*child.part), free);
    merge_front(child.part, std::move(parent.part));
    child.start = parent.start;
    kept[i].merge(kept[i - 1]);
    std::erase_if(kept[i], [&](std::size_t t) { return t + window() < child.end; });
    path.nodes.erase(path.nodes.begin() + i - 1);
    kept.erase(kept.begin() + i - 1);
  }

  // What a live path holds for the nodes of a stored path that it went along.
  void complete_one() {
    if (stored_.empty() || live_.empty()) return;
    auto& [path, kept] = any(stored_);
    const Live& live = any(live_);
    const auto same = std::ranges::mismatch(path.names, live.path.names).in1 - path.names.begin();
    for (std::size_t i = 0; i < path.nodes.size(); ++i) {
      auto& [part, start, end] = path.nodes[i];
      if (end > static_cast<std::size_t>(same)) return;
      auto other = live.path.state->snapshot(start, end);
      kept[i].merge(covered(live, *other, start, end));
      complete(part, std::move(other));
    }
  }

  // New tokens of some live paths in one batch, some of them not committed.
  void evaluate_some() {
    std::vector<Step> steps;
    std::vector<Live*> chosen;
    for (Live& live : live_) {
      if (pick(0, 2) == 0) continue;
      const std::size_t before = live.path.names.size();
      const int count = pick(0, 3) == 0 ? pick(1, 120) : pick(1, 3);
      if (const auto reserved = live.path.state->reserve(count); !reserved) {
        ++refused_;
        EXPECT_EQ(reserved.error().code, Errc::out_of_memory);
        EXPECT_TRUE(stored_.empty());
        EXPECT_EQ(live.path.path().reserved_end(), before);
        live.captured.clear();
        continue;
      }
      while (pick(0, 2) == 0) {
        const std::size_t offset = before + pick(1, 150);
        live.path.state->schedule_capture(offset);
        live.scheduled.insert(offset);
      }
      Names names = new_names(count);
      if (before < live.known.size() &&
          std::ranges::equal(live.path.names, std::span(live.known).first(before))) {
        std::copy_n(live.known.begin() + before, std::min<std::size_t>(count, live.known.size() - before),
                    names.begin());
      }
      const int kept = pick(0, 2) == 0 ? pick(0, count) : count;
      steps.push_back({&live.path, names, static_cast<std::size_t>(kept)});
      chosen.push_back(&live);
    }
    if (steps.empty()) return;
    std::size_t all = 0;
    std::set<std::pair<const Segment*, int>> distinct;
    for (const Step& step : steps) {
      for (const SegmentView& view : step.path->path().views()) {
        all += view.size();
        for (int t = view.begin; t < view.end; ++t) distinct.emplace(view.segment.get(), t);
      }
    }
    const std::size_t read = evaluate(steps, scratch_);
    EXPECT_GE(read, distinct.size());
    EXPECT_LE(read, all);
    for (Live* const live : chosen) {
      const auto seen = live->scheduled.upper_bound(live->path.names.size());
      live->captured.insert(live->scheduled.begin(), seen);
      live->scheduled.erase(live->scheduled.begin(), seen);
    }
  }

  // What is charged is what states and parts reach, each segment once, and everything that should be
  // kept is, and nothing else.
  void check() {
    std::map<const void*, std::size_t> reached;
    const AllocationVisitor visit = [&](const void* id, std::size_t bytes) { reached[id] = bytes; };
    for (const Live& live : live_) {
      live.path.state->visit_allocations(visit);
      const std::size_t tokens = live.path.names.size();
      EXPECT_EQ(live.path.state->tokens(), tokens);
      EXPECT_EQ(live.path.path().first(), tokens - std::min(tokens, window()));
    }
    const WindowGroup group(kind_.layout, kind_.window);
    for (const Stored& stored : stored_) {
      for (std::size_t i = 0; i < stored.kept.size(); ++i) {
        const StatePart& part = *stored.path.nodes[i].part;
        part.visit_allocations(visit);
        EXPECT_EQ(part.bytes(), stored.kept[i].size() * kind_.layout.bytes_per_token());
      }
      const std::vector<std::size_t> offsets = resumable(stored);
      const std::size_t limit = pick(0, static_cast<int>(stored.path.names.size()));
      EXPECT_EQ(group.resumable(stored.path.parts(), limit),
                *std::prev(std::ranges::upper_bound(offsets, limit)));
    }
    std::size_t sum = 0;
    for (const auto& [id, bytes] : reached) sum += bytes;
    EXPECT_EQ(budget_.used(), sum);
    EXPECT_LE(budget_.peak(), budget_.limit());
  }

  Kind kind_;
  bool tight_;
  Budget budget_;
  Budget scratch_{std::size_t{64} << 20};
  std::vector<Live> live_;
  std::vector<Stored> stored_;
  int refused_ = 0;
};

int run_histories(const Kind& kind, bool tight) {
  int refused = 0;
  for (int seed = 0; seed < scaled(10) && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed, kind, tight);
    for (int step = 0; step < 150 && !testing::Test::HasFailure(); ++step) history.step();
    refused += history.end();
  }
  return refused;
}

TEST(WindowHistoryTest, EveryPathRemembersItsWindow) {
  for (const int window : {1, 16, 50, 100}) {
    SCOPED_TRACE("window " + std::to_string(window));
    EXPECT_EQ(run_histories({kLayout, window}, false), 0);
  }
}

TEST(WindowHistoryTest, EveryPathRemembersItsWindowUnderATightBudget) {
  EXPECT_GT(run_histories({kLayout, 50}, true), 0);
}

}  // namespace
}  // namespace banyan::test
