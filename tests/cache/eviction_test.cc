// What goes when memory runs short, and what stays.
#include <memory>
#include <utility>
#include <vector>

#include "cache/cache_test.h"
#include "cache/cache_trie.h"
#include "cache/restore.h"

namespace banyan {
namespace {

// A segment of the test's model, which holds at least 64 tokens.
const std::size_t kSegment = kTestLayout.segment_bytes(64);

class EvictionTest : public CacheTest {};

class HybridEvictionTest : public CacheTest {
 protected:
  HybridEvictionTest() : CacheTest({.attention = true, .recurrent = true}) {}
};

/// Room for four segments of 64 tokens, and for the trie.
class TightTest : public CacheTest {
 protected:
  TightTest() : CacheTest({}, 5 * kSegment - 1) {}
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

TEST_F(HybridEvictionTest, RunOfClosePointsIsThinnedBeforeAnythingElseGoes) {
  request("another conversation, the oldest");
  std::vector<RestorePoint> points;
  for (std::size_t offset = 8; offset <= 4000; offset += 8) points.push_back({.offset = offset});
  Session session = *cache.begin(Path(4001, 'x'), points);
  prefill(session);
  session.close();
  const auto ends = [&] {
    std::vector<std::size_t> all = {0};
    for (const Node* node = cache.trie().match(Path(4001, 'x')).path.back(); !node->is_root();) {
      node = node->parent();
      all.insert(all.begin() + 1, node->end());
    }
    all.erase(all.begin());  // the root's
    return all;
  };
  ASSERT_EQ(ends().size(), 501u);

  while (match("another conversation, the oldest") > 0) {
    ASSERT_TRUE(cache.evict_one());
    if (cache.counters().evictions % 16 == 0) {
      ASSERT_EQ(cache.check(), "");
    }
  }
  // The leaf aside, all that is left is as far from the point before it as is worth it.
  const std::vector<std::size_t> left = ends();
  for (std::size_t i = 1; i < left.size(); ++i) {
    const std::size_t few = std::max<std::size_t>(32, left[i] / 32);
    EXPECT_GT(left[i] - left[i - 1], few) << left[i];
    EXPECT_LE(left[i] - left[i - 1], few + 8) << left[i];
  }
  EXPECT_GT(left.size(), 55u);
}

TEST_F(HybridEvictionTest, PointFarFromTheOneBeforeItIsAsOldAsItsUse) {
  request("old leaf");
  request(std::string(33, 'x') + "more", "", {{.offset = 33}});
  ASSERT_TRUE(cache.evict_one());
  EXPECT_EQ(match("old leaf"), 0u);
  EXPECT_EQ(cache.counters().nodes, 3u);
}

/// A group whose states need scratch to be resumed and to be kept.
class ScratchGroup final : public LayerGroup {
 public:
  static constexpr std::size_t kScratch = 1000;

  std::string_view kind() const override { return "scratch"; }
  std::string description() const override { return "scratch"; }
  int layer_count() const override { return 1; }
  std::size_t reach() const override { return 0; }
  std::size_t resumable(std::span<const PathPart>, std::size_t) const override { return 0; }
  std::unique_ptr<LiveState> resume(std::span<const PathPart>, std::size_t, Budget& budget) const override {
    class State final : public LiveState {
     public:
      explicit State(Budget& budget) : budget_(budget) { (void)budget_.take(kScratch, "scratch"); }
      std::size_t tokens() const override { return tokens_; }
      Result<> reserve(std::size_t) override { return {}; }
      void commit(std::size_t count) override { tokens_ += count; }
      void schedule_capture(std::size_t) override {}
      std::unique_ptr<StatePart> snapshot(std::size_t, std::size_t) const override {
        (void)budget_.take(kScratch, "scratch");
        return nullptr;
      }
      void visit_allocations(const AllocationVisitor&) const override {}

     private:
      Budget& budget_;
      std::size_t tokens_ = 0;
    };
    return std::make_unique<State>(budget);
  }
};

TEST(EvictionWithin, BeginAndPublishSparesThePathOfTheSession) {
  Budget small(5 * kSegment);
  Groups groups = make_groups({});
  groups.push_back(std::make_unique<ScratchGroup>());
  PrefixCache tight(std::move(groups), small);
  const auto ask = [&](std::string_view prompt) {
    Session session = *tight.begin(ids(prompt), {}, false);
    EXPECT_TRUE(session.reserve(prompt.size()));
    session.advance(session.pending());
    return session;
  };
  ask("other").close();
  ask("trunk, one").close();
  Session two = ask("trunk, two");
  auto other = *small.take(small.limit() - small.used(), "all that is left");
  two.publish();
  EXPECT_EQ(tight.counters().evictions, 1u);
  EXPECT_EQ(tight.check(other.bytes()), "");
  EXPECT_EQ(tight.match_length(ids("trunk, two")), 10u);
  EXPECT_EQ(tight.match_length(ids("trunk, one")), 10u);
  EXPECT_EQ(tight.match_length(ids("other")), 0u);
  two.close();
  auto more = *small.take(small.limit() - small.used(), "what came back");
  Session three = *tight.begin(ids("trunk, one"));
  EXPECT_EQ(tight.check(other.bytes() + more.bytes()), "");
  EXPECT_EQ(tight.counters().evictions, 2u);
  EXPECT_EQ(tight.match_length(ids("trunk, one")), 10u);
  EXPECT_EQ(tight.match_length(ids("trunk, two")), 7u);
}

/// Room for a conversation of 100,000 tokens, a segment and the trie.
class LongTest : public CacheTest {
 protected:
  static constexpr std::size_t kTokens = 100'000;
  explicit LongTest(const LayerKinds& kinds = {})
      : CacheTest(kinds, kTestLayout.segment_bytes(kTokens + 32) + CacheTrie::own_bytes(2, kTokens)) {}
};

TEST_F(LongTest, NeedOfAFewTokensCostsALongConversationASegment) {
  const Path prompt(kTokens, 'x');
  Session conversation = *cache.begin(prompt);
  for (std::size_t at = 0; at < kTokens; at += 1000) {
    ASSERT_TRUE(evaluate(conversation, conversation.pending().first(1000)));
  }
  conversation.close();
  const std::size_t before = cache.match_length(prompt);
  ASSERT_EQ(before, kTokens);

  request(std::string(64, 'y'));
  EXPECT_GE(cache.match_length(prompt), kTokens - 256);
  EXPECT_EQ(cache.counters().evictions, 1u);
  EXPECT_EQ(cache.counters().evicted_tokens, kTokens - cache.match_length(prompt));

  Session next = *cache.begin(prompt);
  EXPECT_EQ(next.position(), cache.match_length(prompt)) << "what is left can be resumed";
  EXPECT_TRUE(holds_its_path(next));
  next.close();

  std::size_t evictions = cache.counters().evictions;
  while (budget.used() > 0) {
    const std::size_t charged = budget.charged();
    ASSERT_TRUE(budget.reclaim(1));
    ASSERT_LE(charged - budget.charged(), kTestLayout.segment_bytes(256));
    if (++evictions % 64 == 0) {
      ASSERT_EQ(cache.check(), "");
    }
  }
}

TEST_F(TightTest, MarkOfALeafGoesWithItsTail) {
  request(prompt('a', 256), "", {{.offset = 256, .user = true}});
  request(prompt('b', 64));
  EXPECT_EQ(match(prompt('a', 256)), 0u) << "one segment";
  Session long_one = begin(prompt('c', 192), {{.offset = 192, .user = true}});
  for (int i = 0; i < 3; ++i) prefill(long_one, 64);
  long_one.close();
  ASSERT_EQ(budget.charged(), 4 * kSegment);
  ASSERT_TRUE(budget.reclaim(2 * kSegment));
  EXPECT_EQ(cache.counters().tokens, 128u) << "the unmarked one first, then a tail";
  EXPECT_EQ(paths(), "/" + prompt('c', 128) + "\n");
}

TEST_F(TightTest, MakesRoomForANewPrompt) {
  for (const char fill : {'a', 'b', 'c', 'd', 'e', 'f'}) request(prompt(fill));
  EXPECT_EQ(cache.counters().evictions, 2u);
  EXPECT_EQ(budget.charged(), 4 * kSegment);
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
  ASSERT_EQ(budget.charged(), 4 * kSegment);
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

TEST_F(TightTest, LeafThatASessionOnlySharesTheBeginningOfGoes) {
  const auto evaluate_in_pieces = [&](Session& session) {
    while (!session.pending().empty()) prefill(session, 64);
  };
  Session leaf = begin(prompt('a', 256));
  evaluate_in_pieces(leaf);
  leaf.close();
  ASSERT_EQ(budget.charged(), 4 * kSegment);

  Session one = begin(prompt('a', 8) + prompt('b', 128));
  ASSERT_EQ(one.position(), 8u);
  evaluate_in_pieces(one);
  EXPECT_LE(match(prompt('a', 256)), 128u);
  one.close();

  // Of two that share different parts of one node, each keeps its own.
  Session two = begin(prompt('a', 8) + prompt('b', 20));
  Session three = begin(prompt('a', 8) + prompt('b', 40) + prompt('c', 128));
  ASSERT_EQ(two.position(), 27u);
  ASSERT_EQ(three.position(), 48u);
  evaluate_in_pieces(three);
  EXPECT_LT(match(prompt('a', 8) + prompt('b', 128)), 136u);
  EXPECT_TRUE(holds_its_path(two));
  EXPECT_EQ(cache.check(), "");
  three.close();
  prefill(two);
  two.close();
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
  auto scratch = budget.take(2 * kSegment, "scratch");
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
  EXPECT_EQ(budget.charged(), kSegment);
  EXPECT_TRUE(holds_its_path(session));
}

}  // namespace
}  // namespace banyan
