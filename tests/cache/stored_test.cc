// What the cache stores in a lower tier, and how it comes back.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "cache/cache_test.h"
#include "cache/fake_tier.h"
#include "cache/stored/index.h"
#include "cache/stored/record.h"
#include "cache/wrapped_group.h"

namespace banyan {
namespace {

// What the cache has counted of its tier must not go beyond what the index may take of memory.
TEST(StoredIndexLimit, LeastRecentlyUsedPathsGoWhenTheIndexTakesTooMuchMemory) {
  const Groups groups = make_groups({});
  FakeDisk disk;
  FakeTier tier(disk);
  std::vector<std::string> notes;
  constexpr std::size_t kOwn = 64 << 10;
  StoredIndex index(groups, tier, std::size_t{1} << 40, kOwn, notes);
  const auto store = [&](Token first) {
    Path path(2048, 7);
    path[0] = first;
    for (std::size_t at = 0; at < path.size(); at += 256) {
      const TokenSpan known = TokenSpan(path).first(at + 256);
      Place place = index.place(known, known.size());
      auto block = index.make_block(place, known, groups[0]->block_bytes(256));
      if (block == nullptr) return false;
      index.add(place, known, at, {{{{0, 256}, std::move(block), 0, 256}}}, false);
      index.use(place);
    }
    return true;
  };
  for (Token first = 0; first < 40; ++first) {
    ASSERT_TRUE(store(first));
    EXPECT_LT(index.own_bytes(), kOwn + 8192);
    ASSERT_EQ(index.check({}), "");
  }
  Path newest(2048, 7);
  newest[0] = 39;
  EXPECT_EQ(index.find(newest, 2047).matched, 2048u);
  newest[0] = 0;
  EXPECT_EQ(index.find(newest, 2047).matched, 0u);
}

constexpr LayerKinds kAll = {.attention = true, .window = true, .recurrent = true};

// A process: memory, and a tier on a disk that outlives it.
class Process {
 public:
  Process(const LayerKinds& kinds, FakeDisk& disk, std::size_t memory, std::size_t tier_bytes)
      : budget(memory) {
    auto owned = std::make_unique<FakeTier>(disk);
    tier = owned.get();
    cache.emplace(make_groups(kinds), budget, std::move(owned), tier_bytes);
  }

  // Does all that the tier has to do.
  void settle() {
    do {
      notes.append_range(cache->poll());
    } while (tier->work());
    notes.append_range(cache->poll());
    EXPECT_EQ(cache->check(), "");
  }

  Session begin(const Path& prompt, std::initializer_list<RestorePoint> points = {}) {
    auto session = cache->begin(prompt, std::vector(points));
    EXPECT_TRUE(session.has_value());
    EXPECT_EQ(cache->check(), "");
    return std::move(*session);
  }

  // A whole request. Returns what its session reported.
  SessionStats request(const Path& prompt, std::initializer_list<RestorePoint> points = {}) {
    Session session = begin(prompt, points);
    while (session.is_loading()) {
      EXPECT_TRUE(tier->work());
      notes.append_range(cache->poll());
      EXPECT_EQ(cache->check(), "");
    }
    EXPECT_TRUE(holds_its_path(session));
    while (!session.pending().empty()) {
      const TokenSpan pending = session.pending();
      EXPECT_TRUE(evaluate(session, pending.first(std::min<std::size_t>(pending.size(), 50))));
    }
    EXPECT_TRUE(holds_its_path(session));
    session.close();
    EXPECT_EQ(cache->check(), "");
    return session.stats();
  }

  Budget budget;
  FakeTier* tier;
  std::optional<PrefixCache> cache;
  std::vector<std::string> notes;
};

Path tokens(std::size_t count, Token first = 0) {
  Path path(count);
  for (std::size_t i = 0; i < count; ++i)
    path[i] = static_cast<Token>((i * 7 + static_cast<std::size_t>(first)) % 1000);
  return path;
}

Path operator+(Path path, const Path& more) {
  path.insert(path.end(), more.begin(), more.end());
  return path;
}

class StoredTest : public testing::TestWithParam<LayerKinds> {
 protected:
  static constexpr std::size_t kPlenty = 8 << 20;

  std::unique_ptr<Process> start(std::size_t memory = kPlenty, std::size_t tier_bytes = kPlenty) {
    return std::make_unique<Process>(GetParam(), disk, memory, tier_bytes);
  }

  FakeDisk disk;
};

TEST_P(StoredTest, AnotherProcessGoesOnWhereOneEnded) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
    EXPECT_EQ(process->cache->check(), "");
  }
  const auto process = start();
  EXPECT_EQ(process->cache->counters().stored_tokens, 700u);
  const SessionStats stats = process->request(path + tokens(20, 5));
  EXPECT_EQ(stats.matched, 700u);
  EXPECT_EQ(stats.restored, 700u);
  EXPECT_EQ(stats.loaded, 700u);
  EXPECT_EQ(stats.evaluated, 20u);
  EXPECT_EQ(stats.limit, RestoreLimit::none);
  EXPECT_EQ(process->cache->counters().loads, 1u);
  EXPECT_EQ(process->cache->counters().loaded_tokens, 700u);
  // From now on memory has it.
  EXPECT_EQ(process->request(path + tokens(20, 5) + tokens(3, 9)).loaded, 0u);
  EXPECT_TRUE(process->notes.empty());
}

TEST(StoredTail, TierThatIsFullGivesUpTailsAndALaterProcessFindsTheRest) {
  const std::size_t block = kTestLayout.bytes_per_token() * 256 + 16;
  FakeDisk disk;
  Path path(1024, 7);
  {
    Process process({.attention = true}, disk, 8 << 20, 6 * block);
    process.request(path);
    process.settle();
    process.request(Path(768, 9));
    process.settle();
    EXPECT_EQ(process.cache->counters().stored_tokens, 768u + 768u);
  }
  Process later({.attention = true}, disk, 8 << 20, 6 * block);
  EXPECT_EQ(later.cache->counters().stored_tokens, 768u + 768u);
  path.push_back(8);
  EXPECT_EQ(later.request(path).loaded, 768u);
  later.settle();
}

TEST_P(StoredTest, WhatMemoryEvictedComesBack) {
  const auto process = start();
  const Path path = tokens(300);
  process->request(path);
  process->settle();
  process->cache->clear();
  EXPECT_EQ(process->budget.charged(), 0u);
  const SessionStats stats = process->request(path + tokens(5, 3));
  EXPECT_EQ(stats.restored, 300u);
  EXPECT_EQ(stats.loaded, 300u);
}

TEST_P(StoredTest, ATrunkIsWrittenOnce) {
  const auto process = start();
  const Path trunk = tokens(600);
  process->request(trunk);
  process->settle();
  const std::uint64_t once = disk.written;
  for (Token i = 0; i < 10; ++i) process->request(trunk + tokens(40, 100 + i));
  process->settle();
  EXPECT_EQ(process->cache->counters().stored_tokens, 1000u);
  if (GetParam().recurrent) return;   // each has states of its own
  EXPECT_LT(disk.written, 2 * once);  // ten times 40 tokens, and a window for each
  if (GetParam().window) return;      // and for where each was resumed
  const std::uint64_t all = disk.written;
  for (Token i = 0; i < 10; ++i) process->request(trunk + tokens(40, 100 + i));
  process->settle();
  EXPECT_EQ(disk.written, all);
}

TEST_P(StoredTest, ConversationsOnATrunkComeBackTogether) {
  const Path trunk = tokens(600);
  {
    const auto process = start();
    for (Token i = 0; i < 8; ++i) process->request(trunk + tokens(40, 100 + i), {{600, false}});
    process->cache->flush();
  }
  const auto process = start();
  for (Token i = 0; i < 8; ++i) {
    const SessionStats stats = process->request(trunk + tokens(40, 100 + i) + tokens(10, 200));
    EXPECT_EQ(stats.restored, 640u);
    // The trunk comes once, but of states that can resume only where they were kept.
    const bool anywhere = !GetParam().window && !GetParam().recurrent;
    EXPECT_EQ(stats.loaded, i > 0 && anywhere ? 40u : 640u);
    EXPECT_EQ(stats.evaluated, 10u);
  }
}

TEST_P(StoredTest, ADamagedBlockIsAMissAndIsForgotten) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  for (const auto& [id, bytes] : disk.blocks) disk.damaged.insert(id);
  const auto process = start();
  const SessionStats stats = process->request(path + tokens(5, 3));
  EXPECT_EQ(stats.restored, 0u);
  EXPECT_EQ(stats.evaluated, 705u);
  EXPECT_EQ(process->cache->counters().failed_loads, 1u);
  EXPECT_EQ(process->notes.size(), 1u);
  // What was evaluated anew is stored anew.
  process->settle();
  process->cache->clear();
  EXPECT_EQ(process->request(path + tokens(5, 3) + tokens(9, 1)).restored, 705u);
}

TEST_P(StoredTest, OneDamagedBlockCostsNoMoreThanWhatNeedsIt) {
  const Path path = tokens(2000);
  {
    const auto process = start();
    process->request(path, {{400, false}, {800, false}, {1200, false}});
    process->cache->flush();
  }
  disk.damaged.insert(std::prev(disk.blocks.end())->first);
  const auto process = start();
  const SessionStats stats = process->request(path + tokens(5, 3));
  // What came before it is kept; of recurrent layers alone a load is one state.
  EXPECT_GE(stats.loaded, GetParam().attention ? 1200u : 0u);
  EXPECT_LT(stats.loaded, 2000u);
  EXPECT_EQ(stats.restored + stats.evaluated, 2005u);
  EXPECT_EQ(process->cache->counters().failed_loads, 1u);
  process->cache->clear();
  EXPECT_GE(process->request(path + tokens(6, 4)).restored, GetParam().attention ? 400u : 0u);
}

TEST_P(StoredTest, WhatHasComeIsThereForOthersBeforeTheRestHas) {
  if (!GetParam().attention) return;
  const Path path = tokens(3000);
  {
    const auto process = start();
    process->request(path, {{500, false}, {1000, false}, {2000, false}});
    process->cache->flush();
  }
  const auto process = start();
  Session session = process->begin(path + tokens(5, 3));
  ASSERT_TRUE(session.is_loading());
  EXPECT_EQ(session.position(), 0u);
  const std::size_t first = session.arriving();
  EXPECT_GT(first, 0u);
  EXPECT_LT(first, 3000u);
  process->tier->work();
  process->cache->poll();
  EXPECT_TRUE(session.is_loading());
  EXPECT_EQ(session.position(), first);
  EXPECT_GT(session.arriving(), first);
  EXPECT_TRUE(holds_its_path(session));
  EXPECT_EQ(process->cache->check(), "");
  EXPECT_EQ(process->cache->match_length(path), first);
  const Path other = Path(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(first)) + tokens(30, 800);
  EXPECT_EQ(process->request(other).restored, first);

  session.close();
  EXPECT_GT(process->tier->cancelled, 0u);
  EXPECT_EQ(process->tier->look_ups(), 0u);
  process->settle();
}

TEST_P(StoredTest, AShortLoadDoesNotWaitForALongOne) {
  if (!GetParam().attention) return;
  const Path first = tokens(3000), second = tokens(200, 77);
  {
    const auto process = start();
    process->request(first, {{500, false}, {1000, false}, {2000, false}});
    process->request(second);
    process->cache->flush();
  }
  const auto process = start();
  const Session slow = process->begin(first + tokens(5, 3));
  const Session quick = process->begin(second + tokens(5, 3));
  ASSERT_TRUE(slow.is_loading() && quick.is_loading());
  while (quick.is_loading()) {
    ASSERT_TRUE(process->tier->work());
    process->cache->poll();
  }
  EXPECT_TRUE(slow.is_loading());
  EXPECT_EQ(quick.stats().loaded, 200u);
}

TEST_P(StoredTest, WhatIsEvaluatedSoonerIsNotLoaded) {
  const Path path = tokens(3000);
  {
    const auto process = start();
    process->request(path, {{500, false}, {1000, false}, {2000, false}});
    process->cache->flush();
  }
  const auto process = start();
  process->tier->speed = 1;
  EXPECT_TRUE(process->begin(path + tokens(5, 3)).is_loading());  // nothing is known of evaluating
  process->cache->set_evaluation_speed(100);
  EXPECT_FALSE(process->begin(path + tokens(5, 3)).is_loading());
  process->tier->speed = 1e9;
  Session session = process->begin(path + tokens(5, 3));
  ASSERT_TRUE(session.is_loading());
  if (GetParam().attention) {
    // It turns out to be slow.
    process->tier->work();
    process->tier->work();
    process->tier->work();
    process->tier->speed = 1;
    process->cache->poll();
    EXPECT_FALSE(session.is_loading());
    EXPECT_GT(session.position(), 0u);
    EXPECT_LT(session.position(), 3000u);
    EXPECT_TRUE(holds_its_path(session));
  }
  session.close();
  process->settle();
}

TEST_P(StoredTest, WithALoadUnderWayASecondOneIsTakenToComeAtHalfTheSpeed) {
  const Path first = tokens(700), second = tokens(700, 77);
  {
    const auto process = start();
    process->request(first);
    process->request(second);
    process->cache->flush();
  }
  const auto process = start();
  process->cache->set_evaluation_speed(100);
  process->tier->speed = 1;
  Session session = process->begin(first + tokens(5, 3));
  while (!session.is_loading()) {
    process->tier->speed *= 2;  // until it is just worth loading
    session = process->begin(first + tokens(5, 3));
  }
  EXPECT_FALSE(process->begin(second + tokens(5, 3)).is_loading());
  session.close();
  process->settle();
  EXPECT_TRUE(process->begin(second + tokens(5, 3)).is_loading());
}

TEST_P(StoredTest, ATierThatThrowsFailsNothingElse) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  const auto process = start();
  process->tier->look_up_throws = true;
  EXPECT_EQ(process->request(path + tokens(5, 3)).restored, 0u);
  EXPECT_EQ(process->cache->counters().failed_loads, 1u);
  process->tier->insert_throws = true;
  EXPECT_EQ(process->request(tokens(700, 5)).evaluated, 700u);
  const std::size_t stored = process->cache->counters().stored_bytes;
  for (int i = 0; i < 5; ++i) process->cache->poll();
  EXPECT_EQ(process->cache->counters().failed_stores, 1u);  // it is not tried for ever
  EXPECT_EQ(process->cache->counters().stored_bytes, stored);
  EXPECT_EQ(process->cache->check(), "");
}

TEST_P(StoredTest, WhatWaitsAfterAFailureIsStoredAtTheEnd) {
  const auto process = start();
  process->tier->failing = 1;
  process->request(tokens(100));
  do {
    process->cache->poll();
  } while (process->tier->work());
  process->cache->poll();
  ASSERT_EQ(process->cache->counters().failed_stores, 1u);
  const std::size_t before = process->cache->counters().stored_tokens;
  process->request(tokens(600, 77));
  process->cache->poll();
  EXPECT_EQ(process->cache->counters().stored_tokens, before);
  process->cache->flush();
  EXPECT_EQ(process->cache->counters().stored_tokens, before + 600);
}

TEST_P(StoredTest, PathsThatWaitTakeABoundedPartOfTheMemory) {
  const auto process = start();
  process->tier->insert_throws = true;
  process->request(tokens(100));
  process->cache->poll();  // now nothing is stored for a while
  for (Token i = 0; i < 300; ++i) process->request(tokens(600, i));
  EXPECT_GT(process->cache->counters().waiting_bytes, kPlenty / 128);
  EXPECT_LE(process->cache->counters().waiting_bytes, kPlenty / 64);
}

TEST_P(StoredTest, ABlockThatIsGoneCutsThePath) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  disk.blocks.erase(disk.blocks.begin());
  const auto process = start();
  process->settle();
  const SessionStats stats = process->request(path + tokens(5, 3));
  EXPECT_EQ(stats.restored + stats.evaluated, 705u);
}

TEST_P(StoredTest, WhatNoRecordNamesIsDropped) {
  disk.blocks[5] = std::vector<std::byte>(100);
  disk.last_block = 5;
  const auto process = start();
  process->settle();
  EXPECT_TRUE(disk.blocks.empty());
}

TEST_P(StoredTest, DamagedRecordsAreLeftOut) {
  const Path path = tokens(100);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  disk.records.push_back(Tier::Record(10));
  const auto process = start();
  process->settle();
  ASSERT_EQ(process->notes.size(), 1u);
  EXPECT_EQ(process->request(path + tokens(5, 3)).restored, 100u);
}

TEST_P(StoredTest, ARecordThatGoesOnFromNothingIsLeftOut) {
  StoredRecord record{.id = 9,
                      .parent = 8,
                      .last_use = 1,
                      .user_mark = false,
                      .start = std::uint64_t{1} << 31,
                      .tokens = {1, 2, 3},
                      .groups = {}};
  record.groups.resize(make_groups(GetParam()).size());
  disk.records.push_back(encode(record));
  record.parent = 9;
  record.id = 10;
  record.start += 3;
  disk.records.push_back(encode(record));
  const auto process = start();
  process->settle();
  EXPECT_EQ(process->cache->counters().stored_tokens, 0u);
}

TEST_P(StoredTest, ARefusedInsertIsNoHarm) {
  const auto process = start();
  process->tier->failing = 100;
  const Path path = tokens(700);
  process->request(path);
  process->settle();
  EXPECT_GE(process->cache->counters().failed_stores, 1u);
  EXPECT_EQ(process->cache->counters().stored_bytes, 0u);
  EXPECT_FALSE(process->notes.empty());
  EXPECT_EQ(process->request(path + tokens(5, 3)).restored, 700u);
}

TEST_P(StoredTest, TheTierKeepsToItsSize) {
  const std::size_t size = 256 << 10;
  const auto process = start(kPlenty, size);
  for (Token i = 0; i < 30; ++i) {
    process->request(tokens(300, 17 * i));
    process->settle();
    EXPECT_LE(process->cache->counters().stored_bytes, size);
  }
  std::size_t there = 0;
  for (const auto& [id, bytes] : disk.blocks) there += process->tier->bytes_of(bytes.size());
  EXPECT_EQ(there, process->cache->counters().stored_bytes);
  EXPECT_GT(there, 0u);
  // The last ones are there.
  process->cache->clear();
  EXPECT_EQ(process->request(tokens(300, 17 * 29) + tokens(5, 1)).restored, 300u);
}

TEST_P(StoredTest, ASmallerTierKeepsTheNewest) {
  {
    const auto process = start();
    for (Token i = 0; i < 10; ++i) process->request(tokens(300, 50 * i));
    process->request(tokens(300, 0) + tokens(20, 1));
    process->cache->flush();
  }
  std::size_t all = 0;
  for (const auto& [id, bytes] : disk.blocks) all += bytes.size();
  const auto process = start(kPlenty, all / 3);
  process->settle();
  EXPECT_LE(process->cache->counters().stored_bytes, all / 3);
  EXPECT_EQ(process->request(tokens(300, 0) + tokens(20, 1) + tokens(5, 2)).restored, 320u);
  EXPECT_EQ(process->request(tokens(300, 50) + tokens(5, 1)).restored, 0u);
}

TEST_P(StoredTest, ASessionThatIsClosedWhileItLoadsLeavesNothing) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  const auto process = start();
  {
    Session session = process->begin(path + tokens(5, 3));
    EXPECT_TRUE(session.is_loading());
    EXPECT_THROW(static_cast<void>(session.reserve(1)), Misuse);
    session.close();
    EXPECT_EQ(process->cache->check(), "");
  }
  process->settle();
  EXPECT_EQ(process->budget.charged(), 0u);
  EXPECT_EQ(process->request(path + tokens(5, 3)).restored, 700u);
}

TEST_P(StoredTest, AProcessThatEndsWhileItLoadsOrStoresLosesNothingElse) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  {
    const auto process = start();
    process->request(tokens(200, 5));
    process->cache->poll();
    Session session = process->begin(path + tokens(5, 3));
    EXPECT_TRUE(session.is_loading());
    process->cache.reset();
  }
  EXPECT_EQ(start()->request(path + tokens(5, 3)).restored, 700u);
}

TEST_P(StoredTest, WithoutRoomInMemoryNoMoreIsLoadedThanFits) {
  const Path path = tokens(700);
  {
    const auto process = start();
    process->request(path);
    process->cache->flush();
  }
  const auto process = start(64 << 10);
  Session session = process->begin(path + tokens(5, 3));
  while (session.is_loading()) {
    ASSERT_TRUE(process->tier->work());
    process->cache->poll();
    EXPECT_EQ(process->cache->check(), "");
  }
  EXPECT_TRUE(holds_its_path(session));
  EXPECT_EQ(session.position() == 700, !GetParam().attention);
}

TEST_P(StoredTest, WhatIsBeingStoredGivesMemoryBackWhenARequestNeedsIt) {
  const auto process = start(512 << 10);
  const Path path = tokens(700);
  process->request(path);
  process->cache->poll();  // inserts are queued, and hold on to the path's memory
  const SessionStats stats = process->request(tokens(1200, 500));
  EXPECT_EQ(stats.evaluated, 1200u);
  process->settle();
}

TEST_P(StoredTest, UserMarksComeBack) {
  const Path path = tokens(300);
  {
    const auto process = start();
    process->request(path, {{120, true}});
    process->cache->flush();
  }
  const auto process = start();
  const SessionStats stats = process->request(tokens(120) + tokens(30, 700), {{120, true}});
  EXPECT_EQ(stats.restored, 120u);
  bool marked = false;
  process->cache->trie().walk([&](const Node& node) {
    marked = marked || (node.end() == 120 && node.user_mark());
    return true;
  });
  EXPECT_TRUE(marked);
}

// Counts how often the cache asks what a node has: that is what a walk costs.
class CountingGroup final : public WrappedGroup {
 public:
  CountingGroup(std::unique_ptr<LayerGroup> group, std::size_t& asked)
      : WrappedGroup(std::move(group)), asked_(asked) {}
  std::vector<EdgeRange> ranges(const StatePart& part, std::size_t length) const override {
    ++asked_;
    return WrappedGroup::ranges(part, length);
  }

 private:
  std::size_t& asked_;
};

TEST(StoringLongPaths, ANodeIsAskedAFewTimesHoweverLongThePathAndAFullTierNotAtAll) {
  constexpr std::size_t kNodes = 4096, kTokens = 4;
  FakeDisk disk;
  Budget budget(std::size_t{64} << 20);
  std::size_t asked = 0;
  std::vector<std::unique_ptr<LayerGroup>> groups;
  for (auto& group : make_groups({})) {
    groups.push_back(std::make_unique<CountingGroup>(std::move(group), asked));
  }
  auto owned = std::make_unique<FakeTier>(disk);
  FakeTier& tier = *owned;
  PrefixCache cache(std::move(groups), budget, std::move(owned), std::size_t{64} << 20);

  // A user's mark at the end of each node keeps it apart.
  const Path path = tokens(kNodes * kTokens);
  std::vector<RestorePoint> points;
  for (std::size_t i = 1; i < kNodes; ++i) points.push_back({i * kTokens, true});
  Session session = cache.begin(path, points).value();
  ASSERT_TRUE(session.reserve(path.size()));
  session.advance(path);
  session.close();
  ASSERT_EQ(cache.trie().node_count(), kNodes + 1);

  asked = 0;
  std::size_t most = 0;
  bool was_full = false;
  do {
    std::size_t before = asked;
    static_cast<void>(cache.poll());
    most = std::max(most, asked - before);
    if (!cache.wants_poll()) {  // the tier has enough to do, or all is stored
      before = asked;
      static_cast<void>(cache.poll());
      EXPECT_EQ(asked, before);
      was_full = true;
      tier.work();
    }
  } while (tier.work() || cache.wants_poll());
  EXPECT_TRUE(was_full);
  EXPECT_EQ(cache.counters().stored_tokens, path.size() - kTokens);  // so short an end waits
  EXPECT_LE(asked, 40 * kNodes);
  EXPECT_LT(most, 2 * kNodes);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StoredTest,
                         testing::Values(LayerKinds{.attention = true},
                                         LayerKinds{.attention = true, .window = true},
                                         LayerKinds{.attention = true, .recurrent = true},
                                         LayerKinds{.attention = false, .recurrent = true}, kAll),
                         [](const auto& kinds) {
                           return std::string(kinds.param.attention ? "Attention" : "") +
                                  (kinds.param.window ? "Window" : "") +
                                  (kinds.param.recurrent ? "Recurrent" : "");
                         });

}  // namespace
}  // namespace banyan
