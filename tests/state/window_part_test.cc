#include "state/window_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "banyan/window_state.h"
#include "state/attention_tools.h"
#include "state/parts.h"

namespace banyan::test {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::size_t kWindow = 40;

std::size_t bytes_of(std::size_t tokens) { return tokens * kLayout.bytes_per_token(); }

class WindowPartTest : public testing::Test {
 protected:
  using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;

  // A part of an edge of `length` tokens with these pieces, of tokens of that number in the segment.
  std::unique_ptr<WindowPart> make(std::size_t length, const Ranges& pieces) const {
    auto part = std::make_unique<WindowPart>(kLayout.bytes_per_token(), kWindow, length);
    for (const auto& [begin, end] : pieces) {
      const SegmentView view{segment_, static_cast<int>(begin), static_cast<int>(end)};
      part->add(begin, {&view, 1});
    }
    return part;
  }
  static Ranges ranges(const StatePart& part) {
    Ranges result;
    for (const auto& piece : static_cast<const WindowPart&>(part).pieces()) {
      result.emplace_back(piece.begin, piece.end);
      std::size_t tokens = 0;
      for (const SegmentView& view : piece.views) tokens += view.size();
      EXPECT_EQ(tokens, piece.end - piece.begin);
    }
    return result;
  }

  Budget budget_{1 << 22};
  std::shared_ptr<Segment> segment_ = Segment::create(kLayout, 512, budget_).value();
};

TEST_F(WindowPartTest, AddsOnlyWhatItLacks) {
  auto part = make(100, {{70, 75}, {90, 95}});
  const auto other = Segment::create(kLayout, 64, budget_).value();
  const SegmentView view{other, 10, 40};  // of tokens 65 to 95
  part->add(65, {&view, 1});
  ASSERT_THAT(ranges(*part), ElementsAre(Pair(65, 95)));
  EXPECT_THAT(part->pieces()[0].views, ElementsAre(FieldsAre(other, 10, 15), FieldsAre(segment_, 70, 75),
                                                   FieldsAre(other, 20, 35), FieldsAre(segment_, 90, 95)));
  EXPECT_EQ(part->bytes(), bytes_of(30));
  part->add(70, {&view, 1});
  EXPECT_THAT(ranges(*part), ElementsAre(Pair(65, 100)));
}

TEST_F(WindowPartTest, JoinsWhatLiesTogether) {
  auto part = make(100, {{60, 70}, {80, 90}, {70, 80}});
  ASSERT_THAT(ranges(*part), ElementsAre(Pair(60, 90)));
  EXPECT_THAT(part->pieces()[0].views, ElementsAre(FieldsAre(segment_, 60, 90)));
}

TEST_F(WindowPartTest, IsSplitAnywhereInsideItsEdge) {
  for (std::size_t at = 1; at < 100; ++at) {
    auto back = make(100, {{65, 75}, {80, 100}});
    const auto front = split_front(back, at);
    EXPECT_EQ(front->bytes() + back->bytes(), bytes_of(30));
    Ranges before, behind;
    for (const auto& [begin, end] : Ranges{{65, 75}, {80, 100}}) {
      if (begin < at) before.emplace_back(begin, std::min(end, at));
      if (end > at) behind.emplace_back(std::max(begin, at) - at, end - at);
    }
    EXPECT_EQ(ranges(*front), before) << "at " << at;
    EXPECT_EQ(ranges(*back), behind) << "at " << at;
  }
  auto part = make(100, {});
  EXPECT_THROW((void)split_front(part, 0), Misuse);
  EXPECT_THROW((void)split_front(part, 100), Misuse);
}

TEST_F(WindowPartTest, AMergeUndoesASplit) {
  for (std::size_t at = 1; at < 100; ++at) {
    auto back = make(100, {{65, 75}, {80, 100}});
    auto front = split_front(back, at);
    EXPECT_TRUE(front->merges_freely(*back));
    merge_front(back, std::move(front));
    ASSERT_THAT(ranges(*back), ElementsAre(Pair(65, 75), Pair(80, 100))) << "at " << at;
    EXPECT_THAT(static_cast<WindowPart&>(*back).pieces()[1].views, ElementsAre(FieldsAre(segment_, 80, 100)));
  }
}

TEST_F(WindowPartTest, AMergeKeepsTheLastWindowOfTheJoinedEdge) {
  for (std::size_t length = 1; length < 60; ++length) {
    auto child = make(length, {{length - 1, length}});
    auto parent = make(50, {{25, 30}, {35, 48}});
    Ranges expected;
    for (const auto& [begin, end] : Ranges{{25, 30}, {35, 48}}) {
      const std::size_t first = std::max(begin, 50 + length - kWindow);
      if (first < end) expected.emplace_back(first, end);
    }
    expected.emplace_back(50 + length - 1, 50 + length);
    EXPECT_EQ(parent->merges_freely(*child), length <= 15) << "a child of " << length;
    merge_front(child, std::move(parent));
    EXPECT_EQ(ranges(*child), expected) << "a child of " << length;
  }
}

TEST_F(WindowPartTest, AnEmptyPartMergesFreely) {
  auto child = make(1000, {{990, 1000}});
  auto parent = make(1000, {});
  EXPECT_TRUE(parent->merges_freely(*child));
  EXPECT_FALSE(child->merges_freely(*parent));
  merge_front(child, std::move(parent));
  EXPECT_THAT(ranges(*child), ElementsAre(Pair(1990, 2000)));
  EXPECT_THROW(merge_front(child, nullptr), Misuse);
}

TEST_F(WindowPartTest, TakesOverWhatItLacks) {
  auto part = make(100, {{60, 70}});
  complete(part, make(100, {{65, 80}, {90, 100}}));
  EXPECT_THAT(ranges(*part), ElementsAre(Pair(60, 80), Pair(90, 100)));
}

TEST_F(WindowPartTest, ResumesWhereAllOfTheWindowIsKept) {
  const WindowGroup group(kLayout, kWindow);
  const auto resumable = [&](const std::vector<std::pair<std::size_t, Ranges>>& nodes, std::size_t limit) {
    std::vector<std::unique_ptr<WindowPart>> parts;
    std::vector<PathPart> path;
    std::size_t start = 0;
    for (const auto& [length, pieces] : nodes) {
      parts.push_back(make(length, pieces));
      path.push_back({parts.back().get(), start, start + length});
      start += length;
    }
    return group.resumable(path, limit);
  };
  // From the start, as long as nothing is missing.
  EXPECT_EQ(resumable({{100, {{0, 10}}}}, 100), 10);
  EXPECT_EQ(resumable({{100, {{0, 10}}}}, 7), 7);
  EXPECT_EQ(resumable({{100, {{0, 100}}}}, 60), 60);
  EXPECT_EQ(resumable({{100, {{1, 40}}}}, 100), 0);
  // Behind a gap, with all of a window.
  EXPECT_EQ(resumable({{100, {{1, 41}}}}, 100), 41);
  EXPECT_EQ(resumable({{100, {{1, 41}}}}, 40), 0);
  EXPECT_EQ(resumable({{100, {{0, 5}, {50, 89}}}}, 100), 5);
  EXPECT_EQ(resumable({{100, {{0, 5}, {50, 95}}}}, 92), 92);
  EXPECT_EQ(resumable({{100, {{0, 5}, {50, 95}}}}, 89), 5);
  // Over several nodes.
  EXPECT_EQ(resumable({{50, {{30, 50}}}, {10, {{0, 10}}}, {20, {{0, 10}}}}, 100), 70);
  EXPECT_EQ(resumable({{50, {{30, 50}}}, {10, {{0, 9}}}, {20, {{0, 20}}}}, 100), 0);
  EXPECT_EQ(resumable({}, 5), 0);
}

TEST_F(WindowPartTest, ResumesWhereABruteForceSearchWould) {
  std::mt19937 random(1);
  const auto pick = [&](int least, int most) { return std::uniform_int_distribution(least, most)(random); };
  const WindowGroup group(kLayout, kWindow);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::unique_ptr<WindowPart>> parts;
    std::vector<PathPart> path;
    std::set<std::size_t> kept;
    std::size_t start = 0;
    for (int nodes = pick(1, 6); nodes > 0; --nodes) {
      const std::size_t length = pick(1, 80);
      Ranges pieces;
      for (std::size_t t = pick(0, 5); t < length; t += pick(1, 4)) {
        const std::size_t begin = t;
        t = std::min<std::size_t>(length, t + pick(1, 90));
        pieces.emplace_back(begin, t);
        for (std::size_t i = begin; i < t; ++i) kept.insert(start + i);
      }
      parts.push_back(make(length, pieces));
      path.push_back({parts.back().get(), start, start + length});
      start += length;
    }
    std::size_t deepest = 0;
    std::size_t run = 0;  // tokens kept before an offset
    for (std::size_t offset = 0; offset <= start; ++offset) {
      if (offset > 0) run = kept.contains(offset - 1) ? run + 1 : 0;
      if (run >= std::min(offset, kWindow)) deepest = offset;
      ASSERT_EQ(group.resumable(path, offset), deepest) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace banyan::test
