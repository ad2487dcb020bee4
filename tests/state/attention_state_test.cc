#include "banyan/attention_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/attention_tools.h"
#include "state/parts.h"

namespace banyan::test {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;

constexpr std::size_t kPlenty = std::size_t{64} << 20;

std::size_t bytes_of(std::size_t tokens) { return tokens * kLayout.bytes_per_token(); }

// Where a path's views lie: (segment, begin, end).
std::vector<std::tuple<const Segment*, int, int>> places(const SegmentPath& path) {
  std::vector<std::tuple<const Segment*, int, int>> places;
  for (const SegmentView& view : path.views()) places.emplace_back(view.segment.get(), view.begin, view.end);
  return places;
}

TEST(AttentionStateTest, TakesAsManySegmentsAsItNeeds) {
  Budget budget(kPlenty);
  AttentionState state(kLayout, budget);
  ASSERT_TRUE(state.reserve(600));
  EXPECT_EQ(state.tokens(), 0);
  EXPECT_EQ(state.path().reserved_end(), 600);
  ASSERT_EQ(state.path().views().size(), 3);
  EXPECT_EQ(budget.used(), bytes_of(256 + 256 + 96));
  state.commit(600);
  EXPECT_EQ(state.tokens(), 600);
  EXPECT_EQ(budget.used(), bytes_of(256 + 256 + 96));
}

TEST(AttentionStateTest, DecodingGrowsInStepsOf64Tokens) {
  Budget budget(kPlenty);
  AttentionState state(kLayout, budget);
  for (int token = 0; token < 130; ++token) {
    ASSERT_TRUE(state.reserve(1));
    state.commit(1);
    EXPECT_EQ(budget.used(), bytes_of((token / 64 + 1) * 64));
  }
  EXPECT_EQ(state.path().views().size(), 3);
}

TEST(AttentionStateTest, GivesBackWhatIsNotCommitted) {
  Budget budget(kPlenty);
  AttentionState state(kLayout, budget);
  ASSERT_TRUE(state.reserve(300));
  state.commit(10);
  EXPECT_EQ(state.tokens(), 10);
  EXPECT_EQ(state.path().reserved_end(), 10);
  EXPECT_THAT(places(state.path()), ElementsAre(FieldsAre(state.path().views()[0].segment.get(), 0, 10)));
  EXPECT_EQ(state.path().views()[0].segment->used(), 10);
  EXPECT_EQ(budget.used(), bytes_of(256));

  ASSERT_TRUE(state.reserve(5));
  EXPECT_THROW(state.commit(6), Misuse);
  state.commit(0);
  EXPECT_EQ(state.path().reserved_end(), 10);
}

TEST(AttentionStateTest, ReservesOnTopOfWhatIsReserved) {
  Budget budget(kPlenty);
  AttentionState state(kLayout, budget);
  ASSERT_TRUE(state.reserve(3));
  ASSERT_TRUE(state.reserve(4));
  EXPECT_EQ(state.path().reserved_end(), 7);
  state.commit(7);
  EXPECT_EQ(state.tokens(), 7);
}

TEST(AttentionStateTest, AFailedReserveChangesNothing) {
  // Room for the first segment and for one or two of the three more that are asked for.
  for (const int room : {256, 300, 512, 700}) {
    SCOPED_TRACE(room);
    Budget budget(bytes_of(256 + room));
    AttentionState state(kLayout, budget);
    ASSERT_TRUE(state.reserve(256));
    state.commit(200);
    const auto before = places(state.path());
    const auto refused = state.reserve(56 + 3 * 256);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::out_of_memory);
    EXPECT_EQ(places(state.path()), before);
    EXPECT_EQ(state.tokens(), 200);
    EXPECT_EQ(state.path().reserved_end(), 200);
    EXPECT_EQ(state.path().views()[0].segment->used(), 200);
    EXPECT_EQ(budget.used(), bytes_of(256));
    EXPECT_TRUE(state.reserve(56));
  }
}

TEST(AttentionStateTest, AClosedStateGivesBackItsReserve) {
  Budget budget(kPlenty);
  auto state = std::make_unique<AttentionState>(kLayout, budget);
  ASSERT_TRUE(state->reserve(20));
  state->commit(20);
  const auto part = state->snapshot(0, 20);
  const std::shared_ptr<Segment> segment = state->path().views()[0].segment;
  ASSERT_TRUE(state->reserve(30));
  EXPECT_EQ(segment->used(), 50);
  state.reset();
  EXPECT_EQ(segment->used(), 20);
}

TEST(AttentionStateTest, TheFirstToGoOnFromALeafAppendsInPlace) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(20), budget);
  const StoredPath leaf = store(path, std::vector<std::size_t>{20});
  path.state.reset();

  LivePath first = resume(leaf, 20, budget);
  LivePath second = resume(leaf, 20, budget);
  const std::size_t used = budget.used();
  extend(first, new_names(7), budget);
  EXPECT_EQ(budget.used(), used);
  extend(second, new_names(7), budget);
  EXPECT_EQ(budget.used(), used + bytes_of(64));

  const Segment* const segment = first.path().views()[0].segment.get();
  EXPECT_THAT(places(first.path()), ElementsAre(FieldsAre(segment, 0, 27)));
  EXPECT_THAT(places(second.path()),
              ElementsAre(FieldsAre(segment, 0, 20), FieldsAre(testing::Ne(segment), 0, 7)));
  extend(first, new_names(7), budget);
  extend(second, new_names(7), budget);
}

TEST(AttentionStateTest, RewritingFromAnEarlierOffsetLeavesWhatFollowsAlone) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(40), budget);
  const StoredPath leaf = store(path, std::vector<std::size_t>{40});
  LivePath again = resume(leaf, 25, budget);
  extend(again, new_names(30), budget);
  extend(path, new_names(1), budget);
  LivePath whole = resume(leaf, 40, budget);
  extend(whole, new_names(1), budget);
}

TEST(AttentionStateTest, SnapshotResumeSplitAndMergeShareMemory) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(300), budget);
  const auto before = places(path.path());
  const std::size_t used = budget.used();

  StoredPath stored = store(path, std::vector<std::size_t>{10, 300});
  auto front = split_front(stored.nodes[1].part, 250);
  EXPECT_EQ(front->bytes(), bytes_of(250));
  EXPECT_EQ(stored.nodes[1].part->bytes(), bytes_of(40));
  merge_front(stored.nodes[1].part, std::move(front));
  EXPECT_EQ(stored.nodes[1].part->bytes(), bytes_of(290));
  merge_front(stored.nodes[1].part, std::move(stored.nodes[0].part));
  stored.nodes.erase(stored.nodes.begin());
  stored.nodes[0].start = 0;

  const LivePath resumed = resume(stored, 300, budget);
  EXPECT_EQ(places(resumed.path()), before);
  EXPECT_EQ(budget.used(), used);

  std::vector<std::pair<const void*, std::size_t>> visited;
  stored.nodes[0].part->visit_allocations(
      [&](const void* id, std::size_t bytes) { visited.emplace_back(id, bytes); });
  EXPECT_THAT(visited, ElementsAre(testing::Pair(std::get<0>(before[0]), bytes_of(256)),
                                   testing::Pair(std::get<0>(before[1]), bytes_of(64))));
}

TEST(AttentionStateTest, MemoryGoesWithTheLastView) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(300), budget);
  StoredPath stored = store(path, std::vector<std::size_t>{5, 300});
  path.state.reset();
  EXPECT_EQ(budget.used(), bytes_of(256 + 64));
  auto middle = split_front(stored.nodes[1].part, 256 - 5);
  stored.nodes[0].part.reset();
  EXPECT_EQ(budget.used(), bytes_of(256 + 64));
  middle.reset();
  EXPECT_EQ(budget.used(), bytes_of(64));
  stored.nodes[1].part.reset();
  EXPECT_EQ(budget.used(), 0);
}

TEST(AttentionStateTest, SnapshotsOnlyWhatWasSeen) {
  Budget budget(kPlenty);
  AttentionState state(kLayout, budget);
  ASSERT_TRUE(state.reserve(20));
  state.commit(10);
  EXPECT_THROW((void)state.snapshot(0, 11), Misuse);
  EXPECT_THROW((void)state.snapshot(5, 5), Misuse);
}

TEST(AttentionPartTest, IsSplitInsideItsEdgeOnly) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(20), budget);
  auto part = path.state->snapshot(5, 20);
  EXPECT_THROW((void)split_front(part, 0), Misuse);
  EXPECT_THROW((void)split_front(part, 15), Misuse);
  EXPECT_EQ(part->bytes(), bytes_of(15));
}

TEST(AttentionPartTest, KeepsNothingBehindAGap) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(20), budget);
  auto part = path.state->snapshot(5, 20);
  path.state.reset();
  auto front = split_front(part, 5);
  EXPECT_TRUE(front->merges_freely(*part));
  merge_front(part, nullptr);
  EXPECT_FALSE(front->merges_freely(*part)) << "it would be lost";
  EXPECT_FALSE(part->merges_freely(*front));
  front.reset();
  EXPECT_EQ(part->bytes(), 0);
  EXPECT_EQ(budget.used(), 0);
  EXPECT_EQ(split_front(part, 3), nullptr);

  extend(path = start(budget), new_names(5), budget);
  merge_front(part, path.state->snapshot(0, 5));
  EXPECT_EQ(part->bytes(), 0);
}

TEST(AttentionPartTest, IsCompletedWhereItHasNothing) {
  Budget budget(kPlenty);
  LivePath path = start(budget);
  extend(path, new_names(20), budget);
  StoredPath stored = store(path, std::vector<std::size_t>{5, 20});
  LivePath again = start(budget);
  extend(again, stored.names, budget);
  path.state.reset();

  const std::size_t used = budget.used();
  complete(stored.nodes[1].part, again.state->snapshot(5, 20));
  again.state.reset();
  EXPECT_EQ(budget.used(), used - bytes_of(64)) << "it had everything";

  again = start(budget);
  extend(again, stored.names, budget);
  merge_front(stored.nodes[1].part, nullptr);
  complete(stored.nodes[1].part, again.state->snapshot(5, 20));
  EXPECT_EQ(stored.nodes[1].part->bytes(), bytes_of(15));
  LivePath resumed = resume(stored, 20, budget);
  extend(resumed, new_names(3), budget);
}

TEST(AttentionGroupTest, ResumesAnywhereUpToTheFirstGap) {
  Budget budget(kPlenty);
  const AttentionGroup group(kLayout);
  LivePath path = start(budget);
  extend(path, new_names(30), budget);
  StoredPath stored = store(path, std::vector<std::size_t>{10, 20, 30});

  for (const std::size_t limit : {0, 1, 10, 15, 20, 30})
    EXPECT_EQ(group.resumable(stored.parts(), limit), limit);
  EXPECT_EQ(group.resumable(stored.parts(), 99), 30);
  EXPECT_EQ(group.resumable({}, 5), 0);
  EXPECT_EQ(resume(stored, 0, budget).state->tokens(), 0);
  EXPECT_EQ(resume(stored, 15, budget).state->tokens(), 15);

  merge_front(stored.nodes[1].part, nullptr);
  EXPECT_EQ(group.resumable(stored.parts(), 30), 10);
  stored.nodes[1].part = nullptr;
  EXPECT_EQ(group.resumable(stored.parts(), 30), 10);
  EXPECT_EQ(group.resumable(stored.parts(), 7), 7);
  EXPECT_THROW((void)group.resume(stored.parts(), 11, budget), Misuse);
}

TEST(AttentionGroupTest, TellsItsKindShapeAndReach) {
  const AttentionGroup group(kLayout);
  EXPECT_EQ(group.kind(), "attention");
  EXPECT_EQ(group.layer_count(), 2);
  EXPECT_EQ(group.reach(), LayerGroup::kWholePath);
  KvLayout other = kLayout;
  other.key_dim += 1;
  EXPECT_NE(group.description(), AttentionGroup(other).description());
}

}  // namespace
}  // namespace banyan::test
