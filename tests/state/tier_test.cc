// What groups do with lower tiers, in the cases that matter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <thread>
#include <vector>

#include "banyan/attention_state.h"
#include "banyan/window_state.h"
#include "state/attention_tools.h"
#include "state/parts.h"
#include "state/recurrent_tools.h"
#include "state/tier_tools.h"

namespace banyan::test {
namespace {

using testing::ElementsAre;

using Bytes = std::vector<std::byte>;

class TierTest : public testing::Test {
 protected:
  LivePath path_of(std::size_t tokens) { return path_of(new_names(tokens)); }
  LivePath path_of(const Names& names) {
    LivePath path = start(budget_);
    extend(path, names, scratch_);
    return path;
  }
  std::unique_ptr<StatePart> store_whole(const LivePath& path) {
    const std::size_t tokens = path.state->tokens();
    return store_in(blocks_, group_, path.state->snapshot(0, tokens).get(), tokens, tokens);
  }
  static std::set<const void*> allocations(const StatePart& part) {
    std::set<const void*> all;
    part.visit_allocations([&](const void* id, std::size_t) { all.insert(id); });
    return all;
  }

  Blocks blocks_;
  Budget budget_{1 << 22};
  Budget scratch_{1 << 24};
  AttentionGroup group_{kLayout};
};

TEST_F(TierTest, ABlockInSeveralViewsIsTakenOnce) {
  const LivePath path = path_of(100);
  auto back = store_whole(path);
  const auto front = split_front(back, 30);
  const std::vector<PathPart> stored{{front.get(), 0, 30}, {back.get(), 30, 100}};
  // Memory ends in the middle of a node, so that not all of the block is wanted.
  const auto memory = path.state->snapshot(0, 20);
  const PathPart node{memory.get(), 0, 20};
  LoadingState loading = group_.load({&node, 1}, SIZE_MAX, stored, 90, budget_).value();
  ASSERT_EQ(loading.blocks.size(), 1);
  EXPECT_EQ(loading.blocks[0].bytes, group_.block_bytes(100));
  blocks_.take(loading.blocks);
  LivePath loaded{std::move(loading.state), Names(path.names.begin(), path.names.begin() + 90)};
  extend(loaded, new_names(30), scratch_);
}

TEST_F(TierTest, ABlockIsFreedWithItsLastPart) {
  auto back = store_whole(path_of(100));
  auto front = split_front(back, 30);
  EXPECT_EQ(allocations(*front).size(), 1);
  EXPECT_EQ(allocations(*front), allocations(*back));
  front.reset();
  EXPECT_EQ(blocks_.count(), 1);
  back.reset();
  EXPECT_EQ(blocks_.count(), 0);
}

TEST_F(TierTest, PartsThatWereMadeOfOneBlockApartAreJoinedAgain) {
  auto whole = store_whole(path_of(100));
  const auto block = group_.stored_runs(*whole, 100)[0].block;
  const StoredRun runs[] = {{{0, 30}, block, 0, 100}, {{0, 70}, block, 30, 100}};
  auto front = group_.stored_part(30, {&runs[0], 1});
  auto back = group_.stored_part(70, {&runs[1], 1});
  EXPECT_EQ(allocations(*front), allocations(*back));
  merge_front(back, std::move(front));
  const auto joined = group_.stored_runs(*back, 100);
  ASSERT_EQ(joined.size(), 1);
  EXPECT_EQ(joined[0].range, (EdgeRange{0, 100}));
  EXPECT_EQ(joined[0].at, 0);
  EXPECT_EQ(joined[0].block_tokens, 100);
}

TEST_F(TierTest, WhatMemoryHasIsSharedAndNotLoaded) {
  const LivePath path = path_of(100);
  const auto stored = store_whole(path);
  const PathPart stored_node{stored.get(), 0, 100};
  const auto memory = path.state->snapshot(0, 100);
  const PathPart memory_node{memory.get(), 0, 100};
  const std::size_t before = budget_.used();
  const auto loading = group_.load({&memory_node, 1}, SIZE_MAX, {&stored_node, 1}, 80, budget_);
  EXPECT_TRUE(loading->blocks.empty());
  EXPECT_EQ(loading->state->tokens(), 80);
  EXPECT_EQ(budget_.used(), before);
}

TEST_F(TierTest, WhatMemoryHasBehindWhereItsPathPartsIsNotUsed) {
  const LivePath path = path_of(100);
  const auto stored = store_whole(path);
  const PathPart stored_node{stored.get(), 0, 100};
  Names names(path.names.begin(), path.names.begin() + 40);
  names.append_range(new_names(60));
  const auto memory = path_of(names).state->snapshot(0, 100);
  const PathPart memory_node{memory.get(), 0, 100};
  LoadingState loading = group_.load({&memory_node, 1}, 40, {&stored_node, 1}, 90, budget_).value();
  blocks_.take(loading.blocks);
  LivePath loaded{std::move(loading.state), Names(path.names.begin(), path.names.begin() + 90)};
  extend(loaded, new_names(30), scratch_);
}

TEST_F(TierTest, AWriterHoldsOnToWhatItWrites) {
  LivePath path = path_of(20);
  auto part = path.state->snapshot(0, 20);
  auto write = group_.writer(*part, {5, 20});
  Bytes before(group_.block_bytes(15));
  write(before);
  part.reset();
  path.state.reset();
  EXPECT_GT(budget_.used(), 0);
  Bytes after(before.size());
  write(after);
  EXPECT_EQ(after, before);
  write = nullptr;
  EXPECT_EQ(budget_.used(), 0);
}

TEST_F(TierTest, AWriterReadsBesideWhoAppends) {
  LivePath path = path_of(20);
  const auto part = path.state->snapshot(0, 20);
  const auto write = group_.writer(*part, {0, 20});
  Bytes before(group_.block_bytes(20));
  write(before);
  Bytes beside(before.size());
  {
    const std::jthread tier([&] {
      for (int i = 0; i < 20; ++i) write(beside);
    });
    for (int i = 0; i < 20; ++i) extend(path, new_names(1), scratch_);
  }
  EXPECT_EQ(path.path().views().size(), 1) << "all in one segment";
  EXPECT_EQ(beside, before);
}

TEST_F(TierTest, LoadsBesideWhoSharesItsMemory) {
  const LivePath first = path_of(20);
  Names names = first.names;
  names.append_range(new_names(20));
  const auto stored = store_whole(path_of(names));
  const PathPart stored_node{stored.get(), 0, 40};
  const auto memory = first.state->snapshot(0, 20);
  const PathPart memory_node{memory.get(), 0, 20};

  LivePath other{group_.resume({&memory_node, 1}, 20, budget_), first.names};
  LoadingState loading = group_.load({&memory_node, 1}, SIZE_MAX, {&stored_node, 1}, 40, budget_).value();
  {
    const std::jthread tier([&] {
      for (int i = 0; i < 20; ++i) blocks_.take(loading.blocks);
    });
    for (int i = 0; i < 20; ++i) extend(other, new_names(1), scratch_);
  }
  LivePath loaded{std::move(loading.state), names};
  extend(loaded, new_names(1), scratch_);
}

TEST_F(TierTest, AttentionKeepsNothingOfAnEdgeWithAGap) {
  const auto whole = store_whole(path_of(100));
  const auto block = group_.stored_runs(*whole, 100)[0].block;
  const auto part = [&](std::vector<StoredRun> runs) { return group_.stored_part(100, runs); };
  EXPECT_EQ(part({}), nullptr);
  EXPECT_EQ(part({{{0, 99}, block, 0, 100}}), nullptr);
  EXPECT_EQ(part({{{1, 100}, block, 0, 100}}), nullptr);
  EXPECT_EQ(part({{{0, 50}, block, 0, 100}, {{51, 100}, block, 51, 100}}), nullptr);
  EXPECT_NE(part({{{0, 50}, block, 0, 100}, {{50, 100}, block, 20, 100}}), nullptr);
}

TEST_F(TierTest, AWindowKeepsWhatThereIs) {
  const auto whole = store_whole(path_of(100));
  const auto block = group_.stored_runs(*whole, 100)[0].block;
  const WindowGroup group(kLayout, 40);
  const StoredRun runs[] = {
      {{70, 75}, block, 0, 100}, {{75, 80}, block, 30, 100}, {{90, 100}, block, 5, 100}};
  const auto part = group.stored_part(100, runs);
  EXPECT_THAT(group.ranges(*part, 100), ElementsAre(EdgeRange{70, 80}, EdgeRange{90, 100}));
  EXPECT_TRUE(group.ranges(*group.stored_part(100, {}), 100).empty());
}

TEST_F(TierTest, ARecurrentGroupKeepsAStateAtTheEndOnly) {
  const RecurrentGroup group(recurrent::kLayout);
  const auto block = blocks_.write(group.block_bytes(0), [](std::span<std::byte>) {});
  const auto part = [&](EdgeRange range) {
    const StoredRun run{range, block, 0, 0};
    return group.stored_part(100, {&run, 1});
  };
  EXPECT_EQ(part({99, 99}), nullptr);
  EXPECT_EQ(group.stored_part(100, {}), nullptr);
  const auto stored = part({100, 100});
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->bytes(), block->bytes());
  EXPECT_EQ(allocations(*stored), std::set<const void*>{block.get()});
}

TEST_F(TierTest, RunsOutsideTheirBlockAreMisuse) {
  const auto whole = store_whole(path_of(100));
  const auto block = group_.stored_runs(*whole, 100)[0].block;
  const auto part = [&](EdgeRange range, int at) {
    const StoredRun run{range, block, at, 100};
    return group_.stored_part(100, {&run, 1});
  };
  EXPECT_THROW((void)part({0, 100}, 1), Misuse);
  EXPECT_THROW((void)part({0, 100}, -1), Misuse);
  EXPECT_THROW((void)part({0, 0}, 0), Misuse);
  EXPECT_THROW((void)part({0, 200}, 0), Misuse);
}

TEST_F(TierTest, WhatAPartDoesNotHaveIsMisuse) {
  const LivePath path = path_of(100);
  const auto memory = path.state->snapshot(0, 100);
  EXPECT_THROW((void)group_.writer(*memory, {0, 101}), Misuse);
  EXPECT_THROW((void)group_.writer(*memory, {5, 5}), Misuse);
  const auto stored = store_whole(path);
  const PathPart node{stored.get(), 0, 100};
  EXPECT_THROW((void)group_.load({}, 0, {&node, 1}, 101, budget_), Misuse);
  EXPECT_THROW((void)group_.load({}, 0, {&node, 1}, 0, budget_), Misuse);
}

}  // namespace
}  // namespace banyan::test
