// What one request sees: what is matched, restored and evaluated, and how it may end.
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/cache_test.h"
#include "cache/restore.h"

namespace banyan {
namespace {

/// A group of this reach whose states cannot be kept: they throw an `Exception` instead.
template <class Exception>
class ThrowingGroup final : public LayerGroup {
 public:
  explicit ThrowingGroup(std::size_t reach) : reach_(reach) {}
  std::string_view kind() const override { return "throwing"; }
  std::string description() const override { return "throwing"; }
  int layer_count() const override { return 1; }
  std::size_t reach() const override { return reach_; }
  std::size_t resumable(std::span<const PathPart>, std::size_t) const override { return 0; }
  std::unique_ptr<LiveState> resume(std::span<const PathPart>, std::size_t, Budget&) const override {
    return std::make_unique<State>();
  }

 private:
  class State final : public LiveState {
   public:
    std::size_t tokens() const override { return tokens_; }
    Result<> reserve(std::size_t) override { return {}; }
    void commit(std::size_t count) override { tokens_ += count; }
    void schedule_capture(std::size_t) override {}
    std::unique_ptr<StatePart> snapshot(std::size_t, std::size_t) const override { throw Exception(); }
    void visit_allocations(const AllocationVisitor&) const override {}

   private:
    std::size_t tokens_ = 0;
  };

  std::size_t reach_;
};

struct CannotBeKept : Misuse {
  CannotBeKept() : Misuse("a state that cannot be kept") {}
};

TEST(SessionClose, NeverThrowsWhateverItsStatesThrow) {
  Budget budget(1 << 20);
  Groups groups = make_groups({});
  groups.push_back(std::make_unique<ThrowingGroup<CannotBeKept>>(0));
  std::optional<PrefixCache> cache(std::in_place, std::move(groups), budget);
  const auto ask = [&] {
    Session session = *cache->begin(ids("a prompt"));
    EXPECT_TRUE(session.reserve(8));
    session.advance(session.pending());
    return session;
  };
  {
    const Session destroyed = ask();
    EXPECT_THROW(const_cast<Session&>(destroyed).publish(), Misuse);
  }
  Session closed = ask();
  closed.close();
  EXPECT_EQ(cache->counters().open_sessions, 0u);
  EXPECT_EQ(cache->check(), "");
  Session replaced = ask();
  replaced = ask();
  cache.reset();
  EXPECT_FALSE(replaced.is_open());
  EXPECT_EQ(budget.used(), 0u);
}

class SessionTest : public CacheTest {};

TEST_F(SessionTest, FirstPromptIsEvaluatedWhole) {
  Session session = begin("hello");
  EXPECT_EQ(session.position(), 0u);
  EXPECT_EQ(text_of(session.pending()), "hello");
  EXPECT_EQ(session.stats().total, 5u);
  EXPECT_EQ(session.stats().matched, 0u);
  EXPECT_EQ(session.stats().limit, RestoreLimit::none);
  prefill(session, 3);
  EXPECT_EQ(text_of(session.pending()), "lo");
  EXPECT_EQ(session.stats().evaluated, 3u);
}

TEST_F(SessionTest, ExactMatchStillEvaluatesOneToken) {
  request("hello");
  Session session = begin("hello");
  EXPECT_EQ(text_of(session.pending()), "o");
  EXPECT_EQ(session.stats().matched, 5u);
  EXPECT_EQ(session.stats().restored, 4u);
  EXPECT_EQ(session.stats().limit, RestoreLimit::last_token);
  EXPECT_EQ(session.stats().limited_by, "");
  prefill(session);
  session.close();
  EXPECT_EQ(paths(), "/hello\n");
}

TEST_F(SessionTest, PromptOfOneTokenIsEvaluatedAgain) {
  request("h");
  EXPECT_EQ(request("h").evaluated, 1u);
}

TEST_F(SessionTest, PromptInsideAKnownPathRestoresAllButOneToken) {
  request("hello world");
  const SessionStats stats = request("hello");
  EXPECT_EQ(stats.matched, 5u);
  EXPECT_EQ(stats.restored, 4u);
  EXPECT_EQ(stats.limit, RestoreLimit::last_token);
  EXPECT_EQ(paths(), "/hello world\n");
}

TEST_F(SessionTest, ResumesAfterAReply) {
  request("Q: one?", " A: 1.");
  const SessionStats stats = request("Q: one? A: 1. Q: two?", " A: 2.");
  EXPECT_EQ(stats.matched, 13u);
  EXPECT_EQ(stats.restored, 13u);
  EXPECT_EQ(stats.limit, RestoreLimit::none);
  EXPECT_EQ(stats.evaluated, 8u + 6u);
  EXPECT_EQ(paths(), "/Q: one? A: 1. Q: two? A: 2.\n") << "a conversation without forks is one node";
}

TEST_F(SessionTest, SwitchingBackRestoresTheRightState) {
  const std::string trunk(300, 's');
  for (int turn = 0; turn < 3; ++turn) {
    for (const char* who : {"ann", "bob", "cid"}) {
      std::string prompt = trunk + who;
      for (int before = 0; before < turn; ++before) prompt += std::string(" turn ") + who[0];
      const SessionStats stats = request(prompt, std::string(" turn ") + who[0]);
      EXPECT_EQ(stats.restored, turn > 0 ? prompt.size() - 1 : who[0] == 'a' ? 0 : trunk.size());
    }
  }
  EXPECT_EQ(cache.counters().nodes, 1u + 1u + 3u);
}

TEST_F(SessionTest, BranchesAreCreatedAndReused) {
  request("the cat sat");
  EXPECT_EQ(request("the cow ran").restored, 5u);
  EXPECT_EQ(request("the cat ran").restored, 8u);
  EXPECT_EQ(request("the cow ran off").restored, 11u);
  EXPECT_EQ(request("another").restored, 0u);
  EXPECT_EQ(paths(),
            "/another\n"
            "/the c\n"
            "/the c/at \n"
            "/the c/at /ran\n"
            "/the c/at /sat\n"
            "/the c/ow ran off\n");
}

TEST_F(SessionTest, CancelledPrefillKeepsWhatItPassedAndARetryResumesThere) {
  const std::string prompt(700, 'p');
  {
    Session session = begin(prompt);
    prefill(session, 400);
  }
  Session retry = begin(prompt);
  EXPECT_EQ(retry.stats().restored, 400u);
  prefill(retry, 100);
  retry.close();
  Session again = begin(prompt);
  EXPECT_EQ(again.stats().restored, 500u);
  prefill(again);
  again.close();
  EXPECT_EQ(cache.counters().evaluated_tokens, prompt.size());
  EXPECT_EQ(cache.counters().nodes, 2u);
}

TEST_F(SessionTest, ClosingWithoutEvaluatingLeavesTheTrieAsItWas) {
  request("hello");
  const std::string before = cache.dump_text();
  begin("hello there").close();
  begin("goodbye").close();
  EXPECT_EQ(cache.dump_text(), before);
}

TEST_F(SessionTest, CloseEndsTheSessionAndIsIdempotent) {
  Session session = begin("hello");
  prefill(session);
  EXPECT_TRUE(session.is_open());
  session.close();
  session.close();
  EXPECT_FALSE(session.is_open());
  EXPECT_TRUE(session.states().empty());
  EXPECT_EQ(session.stats().evaluated, 5u);
  EXPECT_EQ(cache.counters().open_sessions, 0u);
  EXPECT_THROW(session.publish(), Misuse);
  EXPECT_THROW((void)session.reserve(1), Misuse);
}

TEST_F(SessionTest, ClosingWithoutMemoryForTheNodesLosesOnlyWhatTheyWouldKeep) {
  std::vector<std::unique_ptr<LayerGroup>> groups;
  groups.push_back(std::make_unique<ThrowingGroup<std::bad_alloc>>(LayerGroup::kWholePath));
  PrefixCache poor(std::move(groups), budget);
  {
    Session closed = *poor.begin(ids("hello"));
    ASSERT_TRUE(closed.reserve(5));
    closed.advance(closed.pending());
    closed.close();
    EXPECT_FALSE(closed.is_open());
    Session destroyed = *poor.begin(ids("hello"));
    ASSERT_TRUE(destroyed.reserve(5));
    destroyed.advance(destroyed.pending());
  }
  EXPECT_EQ(poor.counters().open_sessions, 0u);
  EXPECT_EQ(poor.counters().nodes, 1u);
  EXPECT_EQ(poor.check(), "");
}

TEST_F(SessionTest, MovingKeepsTheSessionAndAssigningClosesTheOldOne) {
  Session one = begin("one");
  prefill(one);
  Session two = begin("two");
  prefill(two);
  one = std::move(two);
  EXPECT_EQ(cache.counters().open_sessions, 1u);
  EXPECT_EQ(paths(), "/one\n");
  Session moved = std::move(one);
  moved.close();
  EXPECT_EQ(paths(), "/one\n/two\n");
}

TEST_F(SessionTest, CacheClosesSessionsThatAreStillOpen) {
  Session session = [] {
    Budget own(kPlenty);
    PrefixCache gone(make_groups({}), own);
    Session left = *gone.begin(ids("left open"));
    EXPECT_TRUE(evaluate(left, left.pending()));
    return left;
  }();
  EXPECT_FALSE(session.is_open());
  EXPECT_EQ(text_of(session.tokens()), "left open");
}

TEST_F(SessionTest, PublishSharesWhatIsEvaluatedWhileTheSessionGoesOn) {
  Session first = begin("a long prompt");
  prefill(first);
  first.publish();
  Session second = begin("a long prompt");
  EXPECT_EQ(second.stats().restored, 12u);
  prefill(second);
  reply(first, " and one reply");
  reply(second, " and two");
  EXPECT_TRUE(holds_its_path(first));
  EXPECT_TRUE(holds_its_path(second));
  first.close();
  second.close();
  EXPECT_EQ(match("a long prompt and one reply"), 27u);
  EXPECT_EQ(match("a long prompt and two"), 21u);
}

TEST_F(SessionTest, TwoSessionsOfTheSamePromptKeepOneCopy) {
  const std::string prompt(600, 'x');
  Session first = begin(prompt);
  Session second = begin(prompt);
  prefill(first);
  const std::size_t one_copy = budget.charged();
  prefill(second);
  first.publish();
  second.close();
  EXPECT_EQ(budget.charged(), one_copy) << "what was published first stays";
  EXPECT_EQ(cache.counters().tokens, prompt.size());
  EXPECT_EQ(cache.counters().nodes, 2u);
}

TEST_F(SessionTest, WithoutReuseEverythingIsEvaluatedAndJoinsTheTrie) {
  request("shared prompt");
  Session session = begin("shared prompt, and more", {}, false);
  EXPECT_EQ(session.stats().matched, 0u);
  EXPECT_EQ(session.stats().restored, 0u);
  EXPECT_EQ(session.stats().limit, RestoreLimit::none);
  prefill(session);
  session.close();
  EXPECT_EQ(paths(), "/shared prompt, and more\n");
}

TEST_F(SessionTest, OnlyTheUsedEndOfAPathBecomesRecent) {
  request("trunk, one");
  request("trunk, two");
  request("trunk, one, more");
  std::string ages;
  cache.trie().walk([&](const Node& node) {
    ages += text_of(node.edge()) + "=" + std::to_string(node.last_use()) + ";";
    return true;
  });
  EXPECT_EQ(ages, "=0;trunk, =1;one, more=3;two=2;");
}

TEST_F(SessionTest, RefusesPromptsAndPointsThatMakeNoSense) {
  EXPECT_EQ(cache.begin({}).error().code, Errc::invalid_argument);
  const auto negative = cache.begin(Path{1, -7});
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().code, Errc::invalid_argument);
  EXPECT_EQ(negative.error().message, "the prompt has the negative token -7");
  const auto outside = cache.begin(ids("abc"), std::vector<RestorePoint>{{.offset = 4}});
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().code, Errc::invalid_argument);
  EXPECT_EQ(outside.error().field, "restore_points");
  EXPECT_EQ(cache.counters().sessions, 0u);
  EXPECT_EQ(cache.counters().open_sessions, 0u);
}

TEST_F(SessionTest, MisuseOfAdvanceIsCaughtAndChangesNothing) {
  Session session = begin("abc");
  EXPECT_THROW(session.advance(ids("a")), Misuse) << "not reserved";
  ASSERT_TRUE(session.reserve(4));
  EXPECT_THROW(session.advance(ids("b")), Misuse) << "not the next of the prompt";
  EXPECT_THROW(session.advance(ids("abcd")), Misuse) << "beyond the prompt";
  EXPECT_EQ(session.position(), 0u);
  forward(session, ids("abc"));
  session.advance(ids("abc"));
  ASSERT_TRUE(session.reserve(1));
  EXPECT_THROW(session.advance(Path{-1}), Misuse);
  EXPECT_EQ(text_of(session.tokens()), "abc");
}

TEST_F(SessionTest, ReservingAgainReplacesWhatWasReserved) {
  Session session = begin("abc");
  ASSERT_TRUE(session.reserve(1000));
  const std::size_t much = budget.used();
  ASSERT_TRUE(session.reserve(3));
  EXPECT_LT(budget.used(), much);
  EXPECT_EQ(cache.check(), "");
}

TEST_F(SessionTest, CountersAreTheSumsOverAllSessions) {
  request("hello world", "!");
  request("hello there");
  Session open = begin("hello");
  prefill(open);
  const PrefixCache::Counters counters = cache.counters();
  EXPECT_EQ(counters.sessions, 3u);
  EXPECT_EQ(counters.open_sessions, 1u);
  EXPECT_EQ(counters.prompt_tokens, 11u + 11u + 5u);
  EXPECT_EQ(counters.matched_tokens, 6u + 5u);
  EXPECT_EQ(counters.restored_tokens, 6u + 4u);
  EXPECT_EQ(counters.evaluated_tokens, 12u + 5u + 1u);
  EXPECT_EQ(counters.nodes, 4u);
  EXPECT_EQ(counters.tokens, 6u + 6u + 5u);
  EXPECT_EQ(counters.snapshot_bytes, counters.tokens * kTestLayout.bytes_per_token());
  EXPECT_EQ(counters.evictions, 0u);
}

// What is published is not looked for again: the session goes on from the node that it holds.
TEST_F(SessionTest, PublishGoesOnWhereOthersHaveCutItsPath) {
  request("abcdefghij");
  Session session = begin("abcdefg, and on");
  prefill(session, 3);
  request("abcX");
  request("abcdefY");
  request("abcdefg, or");
  session.publish();
  EXPECT_EQ(paths(),
            "/abc\n/abc/X\n/abc/def\n/abc/def/Y\n/abc/def/g\n/abc/def/g/, \n/abc/def/g/, /a\n"
            "/abc/def/g/, /or\n/abc/def/g/hij\n");
  request("abcdefg, and X");
  prefill(session);
  reply(session, "!");
  session.close();
  EXPECT_EQ(match("abcdefg, and on!"), 16u);
}

// Two sessions that read one prompt by themselves: the second one's nodes are there, and have all they need.
TEST_F(SessionTest, WhatAnotherHasPublishedMeanwhileIsGoneOnFrom) {
  Session session = begin("abcdefghij", {}, false);
  prefill(session, 2);
  session.publish();
  request("abcdefghij", "", {{.offset = 4, .user = true}, {.offset = 6, .user = true}});
  request("abcdX");
  prefill(session, 6);
  session.publish();
  EXPECT_EQ(paths(), "/abcd*\n/abcd/X\n/abcd/ef*\n/abcd/ef/ghij\n");
  prefill(session);
  reply(session, "!");
  session.close();
  EXPECT_EQ(paths(), "/abcd*\n/abcd/X\n/abcd/ef*\n/abcd/ef/ghij!\n");
}

}  // namespace
}  // namespace banyan
