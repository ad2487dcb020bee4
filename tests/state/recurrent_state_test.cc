#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "state/parts.h"
#include "state/recurrent_tools.h"

namespace banyan::test::recurrent {
namespace {

const std::size_t kBlock = kLayout.bytes();
const std::size_t kPlenty = 100 * kBlock;

Names first(const Names& names, std::size_t count) {
  return Names(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count));
}

TEST(RecurrentLayoutTest, CountsTailsAndMatricesOfAllLayers) {
  const RecurrentLayout layout{
      .layers = 5, .conv_taps = 3, .conv_channels = 100, .value_heads = 4, .value_dim = 70, .key_dim = 8};
  EXPECT_EQ(layout.bytes(), 5 * (3 * 100 + 4 * 70 * 8) * sizeof(float));
  EXPECT_EQ(layout.tiles(), 3);
  EXPECT_EQ(layout.tile_width(0), 32);
  EXPECT_EQ(layout.tile_width(2), 6);
  EXPECT_EQ(layout.tail_offset(2), 2 * layout.layer_size());
  EXPECT_EQ(layout.tile_offset(2, 0, 0), 2 * layout.layer_size() + 300);
  EXPECT_EQ(layout.tile_offset(2, 1, 2), 2 * layout.layer_size() + 300 + 70 * 8 + 64 * 8);
}

TEST(RecurrentStateTest, AlternatesBetweenTwoBlocks) {
  Budget budget(kPlenty);
  Path path = start(budget);
  EXPECT_EQ(budget.used(), 0);
  extend(path, new_names(5));
  EXPECT_EQ(path.state->tokens(), 5);
  EXPECT_EQ(budget.used(), kBlock);
  for (int i = 0; i < 5; ++i) {
    extend(path, new_names(1));
    EXPECT_EQ(budget.used(), 2 * kBlock);
  }
  EXPECT_TRUE(goes_on(path));
  EXPECT_EQ(budget.used(), kBlock) << "what was reserved is given back";
  path.state.reset();
  EXPECT_EQ(budget.used(), 0);
}

TEST(RecurrentStateTest, ReservesABlockForTheEndAndForEachCaptureOnTheWay) {
  Budget budget(kPlenty);
  Path path = start(budget);
  for (const std::size_t offset : {3, 7, 10, 11}) path.state->schedule_capture(offset);
  EXPECT_EQ(budget.used(), 0);
  ASSERT_TRUE(path.state->reserve(5));
  EXPECT_EQ(budget.used(), 2 * kBlock);
  ASSERT_TRUE(path.state->reserve(3));
  EXPECT_EQ(path.state->reserved_end(), 8);
  EXPECT_EQ(budget.used(), 3 * kBlock);
  ASSERT_TRUE(path.state->reserve(2));  // to a capture, whose block is the end's
  EXPECT_EQ(budget.used(), 3 * kBlock);
  path.state->commit(0);
  EXPECT_EQ(path.state->reserved_end(), 0);
  EXPECT_EQ(budget.used(), 0);
}

TEST(RecurrentStateTest, AFailedReserveChangesNothing) {
  Budget budget(2 * kBlock);
  Path path = start(budget);
  extend(path, new_names(4));
  Path other = start(budget);
  extend(other, new_names(4));
  const auto refused = path.state->reserve(6);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);
  EXPECT_EQ(path.state->reserved_end(), 4);
  EXPECT_EQ(budget.used(), 2 * kBlock);
  other.state.reset();
  EXPECT_TRUE(goes_on(path));
}

TEST(RecurrentStateTest, GivesUpCapturesThatThereIsNoMemoryForTheEarliestFirst) {
  for (const std::size_t room : {2, 3, 4, 5}) {
    SCOPED_TRACE(room);
    Budget budget(room * kBlock);
    Path path = start(budget);
    extend(path, new_names(4));
    for (const std::size_t offset : {5, 6, 7}) path.state->schedule_capture(offset);
    extend(path, new_names(5));
    for (const std::size_t offset : {5, 6, 7}) {
      const auto part = path.state->snapshot(0, offset);
      ASSERT_EQ(part != nullptr, 7 - offset < room - 2) << offset;
      if (part == nullptr) continue;
      Budget more(kPlenty);
      Path resumed = resume(*part, first(path.names, offset), more);
      EXPECT_TRUE(goes_on(resumed));
    }
  }
}

TEST(RecurrentStateTest, GivesUpWhatIsCapturedBeforeAStepIsRefused) {
  Budget budget(4 * kBlock);
  Path path = start(budget);
  for (const std::size_t offset : {1, 2}) path.state->schedule_capture(offset);
  extend(path, new_names(4));
  Path other = start(budget);
  extend(other, new_names(1));
  EXPECT_TRUE(goes_on(path));
  EXPECT_EQ(path.state->snapshot(0, 1), nullptr);
  EXPECT_NE(path.state->snapshot(1, 2), nullptr);
}

TEST(RecurrentStateTest, AnAbandonedStepLeavesTheStateAsItWas) {
  Budget budget(kPlenty);
  Path path = start(budget);
  for (std::size_t tokens = 0; tokens < 12; tokens += 4) {  // at the start, too
    path.state->schedule_capture(tokens + 2);
    path.state->reserve(5).value();
    const Step step{&path, new_names(5)};
    forward({&step, 1});
    path.state->commit(0);
    EXPECT_EQ(path.state->tokens(), tokens);
    const Names added = new_names(4);
    Names all = path.names;
    all.insert(all.end(), added.begin(), added.end());
    EXPECT_EQ(extend(path, added), expected(all, 4));
    EXPECT_NE(path.state->snapshot(0, tokens + 2), nullptr);
  }
}

TEST(RecurrentStateTest, AFailedStepCanBeTriedAgainWithFewerTokens) {
  Budget budget(kPlenty);
  Path path = start(budget);
  path.state->schedule_capture(6);
  path.state->reserve(9).value();
  for (const std::size_t rows : {9, 7, 4}) {
    const Step step{&path, new_names(rows)};
    forward({&step, 1});
    if (rows == 4) commit({&step, 1});
  }
  EXPECT_EQ(path.state->tokens(), 4);
  EXPECT_EQ(budget.used(), kBlock);
  extend(path, new_names(3));
  Path resumed = resume(*path.state->snapshot(0, 6), first(path.names, 6), budget);
  EXPECT_TRUE(goes_on(resumed));
}

TEST(RecurrentStateTest, CommitsOnlyWhatTheStepComputed) {
  Budget budget(kPlenty);
  Path path = start(budget);
  path.state->reserve(5).value();
  EXPECT_THROW(path.state->commit(5), Misuse);
  const Step step{&path, new_names(3)};
  forward({&step, 1});
  EXPECT_THROW(path.state->commit(2), Misuse);
  EXPECT_THROW(path.state->commit(5), Misuse);
  EXPECT_THROW(path.state->commit(6), Misuse);
  EXPECT_EQ(path.state->tokens(), 0);
  path.state->commit(3);
  EXPECT_EQ(path.state->tokens(), 3);
  EXPECT_THROW(path.state->commit(1), Misuse);
  path.state->reserve(3).value();
  EXPECT_THROW(path.state->commit(3), Misuse) << "that step was another";
}

TEST(RecurrentStateTest, SnapshotsWhereItStandsAndWhereItWasToldTo) {
  Budget budget(kPlenty);
  Path path = start(budget);
  path.state->schedule_capture(4);
  path.state->schedule_capture(10);
  extend(path, new_names(7));
  const std::size_t used = budget.used();
  EXPECT_EQ(path.state->snapshot(0, 3), nullptr);
  EXPECT_EQ(path.state->snapshot(0, 6), nullptr);
  const auto captured = path.state->snapshot(2, 4);
  const auto current = path.state->snapshot(4, 7);
  ASSERT_NE(captured, nullptr);
  ASSERT_NE(current, nullptr);
  EXPECT_EQ(captured->bytes(), kBlock);
  EXPECT_EQ(budget.used(), used) << "nothing is copied";
  extend(path, new_names(5));

  const auto at_10 = path.state->snapshot(7, 10);
  ASSERT_NE(at_10, nullptr);
  for (const auto& [part, offset] : {std::pair(&captured, 4), {&current, 7}, {&at_10, 10}}) {
    Path resumed = resume(**part, first(path.names, offset), budget);
    EXPECT_TRUE(goes_on(resumed)) << offset;
  }
  EXPECT_THROW((void)path.state->snapshot(7, 13), Misuse);
  EXPECT_THROW((void)path.state->snapshot(7, 7), Misuse);
  EXPECT_THROW(path.state->schedule_capture(12), Misuse);
}

TEST(RecurrentStateTest, ACaptureAtTheEndOfAStepIsKeptWhenTheStateGoesOn) {
  Budget budget(kPlenty);
  Path path = start(budget);
  path.state->schedule_capture(4);
  extend(path, new_names(4));
  EXPECT_EQ(budget.used(), kBlock) << "it is where the state stands";
  extend(path, new_names(1));
  extend(path, new_names(1));
  EXPECT_EQ(budget.used(), 3 * kBlock);
  Path resumed = resume(*path.state->snapshot(0, 4), first(path.names, 4), budget);
  EXPECT_TRUE(goes_on(resumed));
}

TEST(RecurrentStateTest, LetsGoOfCapturesThatPartsHold) {
  Budget budget(kPlenty);
  Path path = start(budget);
  for (const std::size_t offset : {2, 4, 6}) path.state->schedule_capture(offset);
  extend(path, new_names(6));
  std::unique_ptr<StatePart> parts[] = {path.state->snapshot(0, 2), path.state->snapshot(4, 6)};
  extend(path, new_names(1));
  EXPECT_EQ(budget.used(), 4 * kBlock);
  for (auto& part : parts) part.reset();
  EXPECT_EQ(budget.used(), 2 * kBlock) << "the capture that no part was made of, and the current one";
  EXPECT_EQ(path.state->snapshot(0, 2), nullptr);
  EXPECT_NE(path.state->snapshot(2, 4), nullptr);
  EXPECT_EQ(path.state->snapshot(4, 6), nullptr);
}

TEST(RecurrentStateTest, ManyStatesStartFromOneBlock) {
  Budget budget(kPlenty);
  Path path = start(budget);
  extend(path, new_names(6));
  const auto part = path.state->snapshot(0, 6);
  std::vector<Path> paths;
  for (int i = 0; i < 4; ++i) paths.push_back(resume(*part, path.names, budget));
  EXPECT_EQ(budget.used(), kBlock);
  for (int round = 0; round < 2; ++round) {
    std::vector<Step> steps;
    for (Path& each : paths) {
      each.state->reserve(2).value();
      steps.push_back({&each, new_names(2)});
    }
    forward(steps);
    commit(steps);
    EXPECT_EQ(budget.used(), (1 + (round + 1) * 4) * kBlock);
  }
  for (Path& each : paths) EXPECT_TRUE(goes_on(each));
  EXPECT_TRUE(goes_on(path));
}

TEST(RecurrentStateTest, TakesCapturesInsideWhatIsReservedAlready) {
  Budget budget(2 * kBlock);
  Path path = start(budget);
  path.state->reserve(5).value();
  path.state->schedule_capture(2);
  EXPECT_EQ(budget.used(), 2 * kBlock);
  path.state->schedule_capture(5);  // the end; needs no more
  path.state->schedule_capture(3);  // in place of 2, for want of memory
  const Step step{&path, new_names(5)};
  forward({&step, 1});
  commit({&step, 1});
  EXPECT_EQ(path.state->snapshot(0, 2), nullptr);
  EXPECT_NE(path.state->snapshot(0, 3), nullptr);
  EXPECT_NE(path.state->snapshot(0, 5), nullptr);
}

TEST(RecurrentStateTest, VisitsEachBlockThatItHolds) {
  Budget budget(kPlenty);
  Path path = start(budget);
  path.state->schedule_capture(3);
  path.state->schedule_capture(12);
  extend(path, new_names(6));
  path.state->reserve(9).value();
  std::map<const void*, std::size_t> visited;
  path.state->visit_allocations([&](const void* id, std::size_t bytes) { visited[id] += bytes; });
  EXPECT_THAT(visited, testing::SizeIs(4));
  EXPECT_THAT(visited, testing::Each(testing::Pair(testing::_, kBlock)));
  EXPECT_EQ(budget.used(), 4 * kBlock);
  const auto part = path.state->snapshot(0, 3);
  part->visit_allocations([&](const void* id, std::size_t) { EXPECT_TRUE(visited.contains(id)); });
}

TEST(RecurrentPartTest, StaysWithTheBackAndWithTheChild) {
  Budget budget(kPlenty);
  Path path = start(budget);
  path.state->schedule_capture(3);
  extend(path, new_names(6));
  auto parent = path.state->snapshot(0, 3);
  auto child = path.state->snapshot(3, 6);
  path.state.reset();
  EXPECT_EQ(budget.used(), 2 * kBlock);
  EXPECT_EQ(split_front(child, 1), nullptr);
  EXPECT_FALSE(parent->merges_freely(*child));
  merge_front(child, std::move(parent));
  merge_front(child, nullptr);
  EXPECT_EQ(child->bytes(), kBlock);
  EXPECT_EQ(budget.used(), kBlock);
  Path resumed = resume(*child, path.names, budget);
  EXPECT_TRUE(goes_on(resumed));
}

TEST(RecurrentGroupTest, ResumesWhereANodeWithAStateEnds) {
  Budget budget(kPlenty);
  const RecurrentGroup group(kLayout);
  Path path = start(budget);
  path.state->schedule_capture(3);
  extend(path, new_names(9));
  const auto early = path.state->snapshot(0, 3);
  const auto late = path.state->snapshot(5, 9);
  const std::vector<PathPart> parts = {{early.get(), 0, 3}, {nullptr, 3, 5}, {late.get(), 5, 9}};
  const std::map<std::size_t, std::size_t> deepest = {{0, 0}, {2, 0}, {3, 3}, {5, 3},
                                                      {8, 3}, {9, 9}, {99, 9}};
  for (const auto& [limit, offset] : deepest) EXPECT_EQ(group.resumable(parts, limit), offset);
  EXPECT_EQ(group.resumable({}, 5), 0);

  for (const std::size_t offset : {0, 3, 9}) {
    auto state = group.resume(parts, offset, budget);
    EXPECT_EQ(state->tokens(), offset);
    Path resumed{std::unique_ptr<RecurrentState>(static_cast<RecurrentState*>(state.release())),
                 first(path.names, offset)};
    EXPECT_TRUE(goes_on(resumed));
  }
  for (const std::size_t offset : {1, 5, 8, 10})
    EXPECT_THROW((void)group.resume(parts, offset, budget), Misuse);
}

TEST(RecurrentGroupTest, TellsItsKindShapeAndReach) {
  const RecurrentGroup group(kLayout);
  EXPECT_EQ(group.kind(), "recurrent");
  EXPECT_EQ(group.layer_count(), 2);
  EXPECT_EQ(group.reach(), 0u);
  RecurrentLayout other = kLayout;
  other.conv_taps += 1;
  EXPECT_NE(group.description(), RecurrentGroup(other).description());
}

TEST(RecurrentGroupTest, RefusesLayoutsThatItCannotHold) {
  for (int RecurrentLayout::* const number :
       {&RecurrentLayout::layers, &RecurrentLayout::conv_taps, &RecurrentLayout::conv_channels,
        &RecurrentLayout::value_heads, &RecurrentLayout::value_dim, &RecurrentLayout::key_dim}) {
    RecurrentLayout layout = kLayout;
    layout.*number = 0;
    EXPECT_THROW(RecurrentGroup{layout}, Misuse);
  }
  RecurrentLayout layout = kLayout;
  layout.conv_taps = RecurrentLayout::kMostTaps + 1;
  EXPECT_THROW(RecurrentGroup{layout}, Misuse);
}

}  // namespace
}  // namespace banyan::test::recurrent
