// What goes when memory runs short, and what stays.
#include "cache/cache_test.h"
#include "cache/fake_groups.h"

namespace banyan {
namespace {

// A segment of the test's model, which holds at least 64 tokens.
const std::size_t kSegment = kTestLayout.segment_bytes(64);

class EvictionTest : public CacheTest {};

class HybridEvictionTest : public CacheTest {
 protected:
  HybridEvictionTest() : CacheTest({.attention = true, .point = true}) {}
};

/// Room for four segments of 64 tokens.
class TightTest : public CacheTest {
 protected:
  TightTest() : CacheTest({}, 4 * kSegment) {}
  static std::string prompt(char fill, std::size_t tokens = 64) { return std::string(tokens, fill); }
};

TEST_F(EvictionTest, OldestLeafGoesFirst) {
  request("one");
  request("two");
  request("six");
  request("one");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/one\n/six\n");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/one\n");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_FALSE(cache.evict_one());
  EXPECT_EQ(cache.counters().evictions, 3u);
}

TEST_F(EvictionTest, BranchPointsStayUntilOneBranchIsLeftAndMergesWithThem) {
  request("trunk, one");
  request("trunk, two");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/trunk, two\n");
  EXPECT_EQ(request("trunk, two!").restored, 10u);
}

TEST_F(EvictionTest, SparesActiveSessions) {
  request("trunk, one");
  request("trunk, two");
  request("other");
  Session session = begin("trunk, one and more");
  cache.clear();
  EXPECT_EQ(paths(), "/trunk, \n/trunk, /one\n") << "merging waits until the path is not in use";
  EXPECT_EQ(cache.check(), "");
  prefill(session);
  session.close();
  EXPECT_EQ(paths(), "/trunk, one and more\n");
}

TEST_F(EvictionTest, SparesWhatASessionPublished) {
  Session session = begin("a prompt");
  prefill(session);
  session.publish();
  reply(session, " reply");
  EXPECT_FALSE(cache.evict_one());
  EXPECT_EQ(match("a prompt"), 8u);
}

TEST_F(EvictionTest, UserMarksGoAfterAllElse) {
  request("marked prompt", "", {{.offset = 6, .user = true}, {.offset = 13, .user = true}});
  request("one");
  request("two");
  ASSERT_TRUE(cache.evict_one());
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/marked*\n/marked/ prompt*\n");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/marked*\n") << "an inner user point does not merge; the leaf goes";
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "");
}

TEST_F(HybridEvictionTest, InnerNodeMergesWithItsChildAndOnlyThePointIsLost) {
  request("system. question", "", {{.offset = 7}});
  request("z");
  EXPECT_EQ(paths(), "/system.\n/system./ question\n/z\n");
  const std::size_t before = budget.used();
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/system. question\n/z\n");
  EXPECT_LT(budget.used(), before);
  EXPECT_EQ(cache.check(), "");
  EXPECT_EQ(request("system. question, on").restored, 16u);
}

TEST_F(HybridEvictionTest, UserPointSurvivesEvictionAndMerging) {
  request("system. part. question", "", {{.offset = 7, .user = true}, {.offset = 13}});
  EXPECT_EQ(paths(), "/system.*\n/system./ part.\n/system./ part./ question\n");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/system.*\n/system./ part. question\n");
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(paths(), "/system.*\n");
  EXPECT_EQ(request("system. other").restored, 7u);
}

TEST_F(HybridEvictionTest, MakingAStateForTheTrieMayEvictWithoutHarm) {
  // Room for two prompts, a restore point, both ends and a running state.
  Budget small(2 * kSegment + 4 * PointGroup::kStateBytes);
  PrefixCache tight(make_groups({.attention = true, .point = true}), small);
  const std::vector<RestorePoint> points = {{.offset = 4}};
  Session one = *tight.begin(ids("trunk, one"), points);
  ASSERT_TRUE(evaluate(one, one.pending()));
  one.close();
  Session two = *tight.begin(ids("trunk, two"), {}, false);
  ASSERT_TRUE(evaluate(two, two.pending()));
  two.publish();
  ASSERT_EQ(small.used(), small.limit());
  ASSERT_EQ(tight.counters().evictions, 0u);
  reply(two, "!");
  two.publish();
  EXPECT_EQ(tight.counters().evictions, 1u) << "of the other branch, whose trunk is in use";
  EXPECT_EQ(tight.check(), "");
  EXPECT_EQ(tight.match_length(ids("trunk, two!")), 11u);
  EXPECT_EQ(tight.match_length(ids("trunk, one")), 7u);
  two.close();
}

TEST_F(TightTest, MakesRoomForANewPrompt) {
  for (const char fill : {'a', 'b', 'c', 'd', 'e', 'f'}) request(prompt(fill));
  EXPECT_EQ(cache.counters().evictions, 2u);
  EXPECT_EQ(budget.used(), budget.limit());
  EXPECT_EQ(match(prompt('b')), 0u);
  EXPECT_EQ(match(prompt('c')), 64u);
}

TEST_F(TightTest, EvictsUntilTheMemoryHasReallyComeBack) {
  // Two leaves that share the segment of their trunk: the first to go gives nothing back.
  request(prompt('a', 32) + "one");
  Session second = begin(prompt('a', 32) + "two");
  prefill(second);
  second.close();
  request(prompt('b'));
  request(prompt('c'));
  ASSERT_EQ(budget.used(), budget.limit());
  Session session = begin(prompt('d', 128));
  EXPECT_TRUE(session.reserve(128));
  EXPECT_EQ(cache.check(), "");
  EXPECT_EQ(match(prompt('c')), 64u);
}

TEST_F(TightTest, ReserveOutOfMemoryLeavesAllAsItWasAndClosingWorks) {
  Session one = begin(prompt('a', 128));
  prefill(one);
  Session two = begin(prompt('b', 150));
  prefill(two, 100);
  const std::string before = cache.dump_text();
  const Result<> refused = two.reserve(100);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);
  EXPECT_EQ(cache.check(), "");
  EXPECT_EQ(cache.dump_text(), before);
  EXPECT_TRUE(holds_its_path(one));
  EXPECT_TRUE(holds_its_path(two));
  EXPECT_EQ(two.position(), 100u);

  one.close();
  ASSERT_TRUE(two.reserve(100)) << "what the other kept may go now";
  forward(two, two.pending());
  two.advance(two.pending());
  EXPECT_TRUE(holds_its_path(two));
  two.close();
  EXPECT_EQ(match(prompt('b', 150)), 150u);
}

TEST_F(TightTest, PromptThatCanNeverFitIsRefused) {
  request(prompt('a'));
  Session session = begin(prompt('b', 1000));
  EXPECT_EQ(session.reserve(1000).error().code, Errc::out_of_memory);
  session.close();
  EXPECT_EQ(cache.check(), "");
}

TEST_F(TightTest, MemoryOfOthersCountsAndEvictsToo) {
  for (const char fill : {'a', 'b', 'c', 'd'}) request(prompt(fill));
  auto scratch = budget.take(kSegment + 1, "scratch");
  ASSERT_TRUE(scratch);
  EXPECT_EQ(cache.counters().evictions, 2u);
  EXPECT_EQ(cache.check(scratch->bytes()), "");
  EXPECT_NE(cache.check(), "");
  scratch->release();
}

TEST_F(EvictionTest, ClearFreesAllMemoryThatNoSessionHolds) {
  request(std::string(1000, 'a') + "one", "reply", {{.offset = 500, .user = true}});
  request(std::string(1000, 'a') + "two");
  Session session = begin("open");
  prefill(session);
  cache.clear();
  EXPECT_EQ(cache.counters().nodes, 1u);
  EXPECT_EQ(budget.used(), kSegment);
  EXPECT_TRUE(holds_its_path(session));
}

}  // namespace
}  // namespace banyan
