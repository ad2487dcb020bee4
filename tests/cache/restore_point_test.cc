// Where sessions can resume, and why they cannot resume later.
#include "cache/cache_test.h"

namespace banyan {
namespace {

/// A hybrid model: attention, and states that resume only where they were captured.
class RestorePointTest : public CacheTest {
 protected:
  RestorePointTest() : CacheTest({.attention = true, .recurrent = true}) {}
};

/// Full attention only.
class AttentionPointTest : public CacheTest {};

class WindowPointTest : public CacheTest {
 protected:
  WindowPointTest() : CacheTest({.attention = true, .window = true}) {}
};

TEST_F(RestorePointTest, EndOfARequestIsOne) {
  request("Q: one?", " A: 1.");
  const SessionStats stats = request("Q: one? A: 1. Q: two?");
  EXPECT_EQ(stats.restored, 13u);
  EXPECT_EQ(stats.limit, RestoreLimit::none);
}

TEST_F(RestorePointTest, AreCapturedDuringPrefill) {
  request("system prompt. question", "", {{.offset = 14}, {.offset = 20}});
  EXPECT_EQ(paths(),
            "/system prompt.\n"
            "/system prompt./ quest\n"
            "/system prompt./ quest/ion\n");
  const SessionStats stats = request("system prompt. other");
  EXPECT_EQ(stats.matched, 15u);
  EXPECT_EQ(stats.restored, 14u);
  EXPECT_EQ(stats.limit, RestoreLimit::no_point);
  EXPECT_EQ(stats.limited_by, "recurrent");
}

TEST_F(RestorePointTest, PromptThatDivergesMakesTheBranchPointOne) {
  request("the cat sat");
  const SessionStats second = request("the cow ran");
  EXPECT_EQ(second.matched, 5u);
  EXPECT_EQ(second.restored, 0u);
  EXPECT_EQ(second.limit, RestoreLimit::no_point);
  const SessionStats third = request("the cub hid");
  EXPECT_EQ(third.matched, 5u);
  EXPECT_EQ(third.restored, 5u);
  EXPECT_EQ(third.limit, RestoreLimit::none);
}

TEST_F(RestorePointTest, PromptThatEndsInsideAKnownPathMakesItsEndOne) {
  request("hello world");
  request("hello");
  EXPECT_EQ(paths(), "/hell\n/hell/o\n/hell/o/ world\n");
  EXPECT_EQ(cache.trie().match(ids("hello")).path.back()->last_use(), 2u);
  EXPECT_EQ(cache.trie().match(ids("hello world")).path.back()->last_use(), 1u);
  EXPECT_EQ(request("hello there").restored, 5u);
}

TEST_F(RestorePointTest, RepeatedPromptRestoresAllButOneTokenTheThirdTime) {
  request("same prompt", " with a reply");
  EXPECT_EQ(request("same prompt", " with another").restored, 0u);
  const SessionStats third = request("same prompt", " with a third");
  EXPECT_EQ(third.restored, 10u);
  EXPECT_EQ(third.limit, RestoreLimit::last_token);
}

TEST_F(RestorePointTest, PathWithoutStateSaysSoOnce) {
  request("the cat sat");
  Session apart = begin("the cow ran", {}, false);
  prefill(apart);
  apart.close();
  EXPECT_EQ(paths(), "/the c\n/the c/at sat\n/the c/ow ran\n") << "nobody captured the branch point";
  const SessionStats stats = request("the cub hid");
  EXPECT_EQ(stats.matched, 5u);
  EXPECT_EQ(stats.restored, 0u);
  EXPECT_EQ(stats.limit, RestoreLimit::no_state);
  EXPECT_EQ(stats.limited_by, "recurrent");
  EXPECT_EQ(request("the can").restored, 5u);
}

TEST_F(RestorePointTest, StateBroughtByASecondSessionFillsWhatTheTrieLacks) {
  Session first = begin("shared prompt");
  Session second = begin("shared prompt", {{.offset = 6}});
  prefill(first);
  first.close();
  EXPECT_EQ(paths(), "/shared prompt\n");
  prefill(second);
  second.close();
  EXPECT_EQ(paths(), "/shared\n/shared/ prompt\n");
  EXPECT_EQ(request("shared rest").restored, 6u);
}

TEST_F(RestorePointTest, CancelledTwiceAndRetriedGoesOnWhereItStopped) {
  const std::string prompt(300, 'p');
  for (const std::size_t passed : {0u, 100u, 200u}) {
    Session session = begin(prompt);
    EXPECT_EQ(session.stats().restored, passed);
    prefill(session, 100);
  }
  EXPECT_EQ(request(prompt, "reply").restored, 299u - 299u % 100u);
}

TEST_F(RestorePointTest, PublishIsOne) {
  Session session = begin("prompt");
  prefill(session);
  session.publish();
  reply(session, " reply");
  session.close();
  EXPECT_EQ(request("prompt, other").restored, 6u);
}

TEST_F(RestorePointTest, UserPointMarksANode) {
  request("system. question", "", {{.offset = 7, .user = true}});
  EXPECT_EQ(paths(), "/system.*\n/system./ question\n");
}

TEST_F(RestorePointTest, UserPointOnWhatIsRestoredMarksAtOnce) {
  request("system. question", " answer");
  Session session = begin("system. question answer more", {{.offset = 7, .user = true}});
  EXPECT_EQ(session.stats().restored, 23u);
  EXPECT_EQ(paths(), "/system.*\n/system./ question answer\n");
  EXPECT_EQ(cache.check(), "");
  prefill(session);
  session.close();
  EXPECT_EQ(match("system. question answer more"), 28u);
}

TEST_F(AttentionPointTest, NeedNoNodesUnlessTheUserSetThem) {
  request("system. question", " answer", {{.offset = 3}, {.offset = 7}, {.offset = 16}});
  EXPECT_EQ(paths(), "/system. question answer\n");
  request("system. question", " again", {{.offset = 7, .user = true}});
  EXPECT_EQ(paths(),
            "/system.*\n"
            "/system./ question a\n"
            "/system./ question a/gain\n"
            "/system./ question a/nswer\n");
}

TEST_F(AttentionPointTest, UserPointAtTheEndOfThePromptIsKeptApartFromTheReply) {
  request("prompt", " reply", {{.offset = 6, .user = true}, {.offset = 6, .user = false}});
  EXPECT_EQ(paths(), "/prompt*\n/prompt/ reply\n");
  request("prompt reply and more");
  EXPECT_EQ(paths(), "/prompt*\n/prompt/ reply and more\n");
}

TEST_F(AttentionPointTest, UserPointOnWhatAnotherSessionBroughtFirstMarksIt) {
  Session second = begin("system. question", {{.offset = 7, .user = true}});
  request("system. question");
  prefill(second);
  second.close();
  EXPECT_EQ(paths(), "/system.*\n/system./ question\n");
}

TEST_F(AttentionPointTest, PointBeforeTheFirstTokenIsIgnored) {
  request("prompt", "", {{.offset = 0, .user = true}});
  request("prompt more", "", {{.offset = 0, .user = true}});
  EXPECT_EQ(paths(), "/prompt more\n");
}

TEST_F(AttentionPointTest, UserPointInsideAPathThatAnotherSessionUsesSplitsIt) {
  request("system. question");
  Session reader = begin("system. question one");
  Session marker = begin("system. other", {{.offset = 7, .user = true}});
  EXPECT_EQ(paths(), "/system.*\n/system./ question\n");
  prefill(reader);
  prefill(marker);
  reader.close();
  EXPECT_EQ(cache.check(), "");
  marker.close();
  EXPECT_EQ(request("system. question one").restored, 19u);
}

TEST_F(WindowPointTest, ResumeWhereAWindowIsKept) {
  request("0123456789abcdefghij");
  const SessionStats middle = request("0123456789abcdefXYZ");
  EXPECT_EQ(middle.matched, 16u);
  EXPECT_EQ(middle.restored, 0u) << "only the last eight tokens were kept";
  EXPECT_EQ(middle.limit, RestoreLimit::no_point);
  EXPECT_EQ(middle.limited_by, "window");
  EXPECT_EQ(request("0123456789abcdefUVW").restored, 16u) << "now the branch point's window is";
  EXPECT_EQ(request("0123456789abcdefghij and on").restored, 20u);
}

TEST_F(WindowPointTest, RestOfANodeThatIsCutMergesWithWhatIsBelow) {
  Session late = begin("abcdefghijklmnopqrstuvwxyz!");
  request("abcdefghijklmnopqrstuvwxyz01");
  request("abcdefghijklmnopqrstuvwxyz01234");
  EXPECT_EQ(paths(), "/abcdefghijklmnopqrstuvwxyz01\n/abcdefghijklmnopqrstuvwxyz01/234\n");
  prefill(late);
  late.close();
  EXPECT_EQ(paths(),
            "/abcdefghijklmnopqrstuvwxyz\n"
            "/abcdefghijklmnopqrstuvwxyz/!\n"
            "/abcdefghijklmnopqrstuvwxyz/01234\n");
}

}  // namespace
}  // namespace banyan
