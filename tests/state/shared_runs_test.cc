#include "state/shared_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "support/scale.h"

namespace banyan::test {
namespace {

constexpr KvLayout kTiny{.layers = 1, .kv_heads = 1, .key_dim = 1, .value_dim = 1, .type = KvType::f16};

using Views = std::vector<SegmentView>;
// The place of a token.
using Place = std::pair<const std::byte*, int>;

class SharedRunsTest : public testing::Test {
 protected:
  SegmentView new_view(int tokens) { return {Segment::create(kTiny, 16, budget_).value(), 0, tokens}; }
  void add_path(const Views& views, std::size_t first = 0) {
    owned_.push_back(std::make_unique<SegmentPath>(kTiny, budget_, 64, first, views));
    paths_.push_back(owned_.back().get());
  }
  // The runs of the paths in this order; a path's rows are two.
  SharedRuns runs_of(const std::vector<const SegmentPath*>& paths) {
    std::vector<RowsOfPath> rows;
    for (const SegmentPath* const path : paths) {
      const int row = static_cast<int>(rows.size()) * 2;
      rows.push_back({path, path->end(), row, row + 2});
    }
    return find_shared_runs(rows);
  }
  std::vector<const SegmentPath*> ordered() const {
    std::vector<const SegmentPath*> result;
    for (const std::size_t i : order_paths(paths_)) result.push_back(paths_[i]);
    return result;
  }

  Budget budget_{std::size_t{1} << 30};
  std::vector<std::unique_ptr<SegmentPath>> owned_;
  std::vector<const SegmentPath*> paths_;
};

std::size_t tokens_of(const SharedRuns& shared) {
  std::size_t tokens = 0;
  for (const kernels::SharedRun& run : shared.runs) tokens += run.run.end - run.run.begin;
  return tokens;
}

std::vector<Place> places_of(const SegmentPath& path) {
  std::vector<Place> places;
  for (const SegmentView& view : path.views()) {
    for (int t = view.begin; t < view.end; ++t) places.emplace_back(view.segment->data(), t);
  }
  return places;
}

TEST_F(SharedRunsTest, LooksAtEachViewOnceHoweverManyPathsThereAre) {
  constexpr std::size_t kPaths = 64;
  constexpr std::size_t kNodes = 4096;
  Views trunk;
  for (std::size_t node = 0; node < kNodes; ++node) trunk.push_back(new_view(1));
  for (std::size_t i = 0; i < kPaths; ++i) {
    Views views(trunk.begin(), trunk.begin() + kNodes / 2);
    for (std::size_t node = kNodes / 2; node < kNodes; ++node)
      views.push_back(i < 32 ? trunk[node] : new_view(1));
    add_path(views);
  }
  const SharedRuns shared = runs_of(ordered());
  EXPECT_EQ(shared.runs.size(), kNodes + 32 * kNodes / 2);
  EXPECT_EQ(shared.looks, kPaths * kNodes);
}

// Paths that fork from others anywhere, whose ends lie in common segments in any way.
TEST_F(SharedRunsTest, NeighboursShareWhatTheyHaveInCommonAndNothingElse) {
  for (int seed = 0; seed < scaled(300); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto pick = [&](int least, int most) { return std::uniform_int_distribution(least, most)(random); };
    owned_.clear();
    paths_.clear();
    Views free;  // of each segment, what no path has
    for (int i = 0; i < 60; ++i) free.push_back(new_view(16));
    const bool windows = pick(0, 1) == 1;
    for (int i = pick(1, 8); i > 0; --i) {
      Views views;
      std::size_t first = 0;
      if (!paths_.empty() && pick(0, 3) > 0) {
        const SegmentPath& other = *paths_[pick(0, static_cast<int>(paths_.size()) - 1)];
        first = other.first();
        if (windows) first = pick(static_cast<int>(first), static_cast<int>(other.end()) - 1);
        views = other.clip(first, pick(static_cast<int>(first), static_cast<int>(other.end())));
      }
      for (int more = pick(views.empty() ? 1 : 0, 4); more > 0; --more) {
        SegmentView& rest = free[pick(0, static_cast<int>(free.size()) - 1)];
        if (rest.size() == 0) continue;
        views.push_back({rest.segment, rest.begin, pick(rest.begin + 1, rest.end)});
        rest.begin = views.back().end;
      }
      if (views.empty()) continue;
      add_path(views, first);
    }

    const std::vector<const SegmentPath*> order = ordered();
    const SharedRuns shared = runs_of(order);
    std::size_t expected = 0;  // tokens of neighbours in the same place, once
    std::set<std::vector<Place>> beginnings;
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::vector<Place> places;
      for (const auto& [run, row_begin, row_end] : shared.runs) {
        if (row_begin > static_cast<int>(i) * 2 || row_end <= static_cast<int>(i) * 2) continue;
        ASSERT_EQ(run.position, static_cast<int>(order[i]->first() + places.size()));
        for (int t = run.begin; t < run.end; ++t) places.emplace_back(run.segment, t);
      }
      ASSERT_EQ(places, places_of(*order[i])) << "path " << i;
      const SegmentPath* const before = i == 0 ? nullptr : order[i - 1];
      const std::vector<Place> places_before = before == nullptr ? std::vector<Place>() : places_of(*before);
      for (std::size_t t = 0; t < places.size(); ++t) {
        const std::size_t position = order[i]->first() + t;
        const bool same = before != nullptr && before->first() <= position && position < before->end() &&
                          places_before[position - before->first()] == places[t];
        expected += !same;
        beginnings.emplace(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(t) + 1);
      }
    }
    EXPECT_EQ(tokens_of(shared), expected);
    // In order, all with a common beginning are neighbours.
    if (!windows) {
      EXPECT_EQ(expected, beginnings.size());
    }
  }
}

}  // namespace
}  // namespace banyan::test
