#include "engine/known_prefixes.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "banyan/attention_state.h"

namespace banyan {
namespace {

using Path = std::vector<Token>;

// What has been compared is changed behind its back: who looks at it again finds another length.
TEST(KnownPrefixesInReply, PathsThatPartAreComparedOnce) {
  Path mine(1000, 1), other(1000, 1);
  mine[700] = 2;
  KnownPrefixes known;
  EXPECT_EQ(known.in_reply(1, mine, other), 700u);
  mine[10] = 3;
  EXPECT_EQ(known.in_reply(1, mine, other), 700u);
  other.push_back(5);  // it goes on
  EXPECT_EQ(known.in_reply(1, mine, other), 700u);
  EXPECT_EQ(known.in_reply(2, mine, other), 10u) << "another reply";
}

TEST(KnownPrefixesInReply, OfAPathThatGoesOnOnlyTheRestIsCompared) {
  Path mine(1000, 1), other(600, 1);
  KnownPrefixes known;
  EXPECT_EQ(known.in_reply(1, mine, other), 600u);
  other.resize(800, 1);
  other.push_back(2);
  mine[10] = 3;
  EXPECT_EQ(known.in_reply(1, mine, other), 800u);
}

TEST(KnownPrefixesInReply, OfVeryManyTheOldestAreForgotten) {
  Path mine(10, 1), other(10, 1);
  mine[8] = 2;
  KnownPrefixes known;
  for (std::uint64_t id = 1; id <= 1000; ++id) EXPECT_EQ(known.in_reply(id, mine, other), 8u);
  mine[5] = 2;
  EXPECT_EQ(known.in_reply(1000, mine, other), 8u);
  EXPECT_EQ(known.in_reply(1, mine, other), 5u);
}

TEST(KnownPrefixesInReply, IsPassedOnce) {
  const Path path(10, 1);
  KnownPrefixes known;
  for (const std::uint64_t id : {1u, 2u}) {
    known.in_reply(id, path, path);
    EXPECT_TRUE(known.is_first_pass(id));
    EXPECT_FALSE(known.is_first_pass(id));
  }
}

class KnownPrefixesInCache : public testing::Test {
 protected:
  static std::vector<std::unique_ptr<LayerGroup>> groups() {
    std::vector<std::unique_ptr<LayerGroup>> groups;
    groups.push_back(
        std::make_unique<AttentionGroup>(KvLayout{.layers = 1, .kv_heads = 1, .key_dim = 1, .value_dim = 1}));
    return groups;
  }

  void keep(const Path& path) {
    Session session = cache_.begin(path).value();
    const Path pending(session.pending().begin(), session.pending().end());
    session.reserve(pending.size()).value();
    session.advance(pending);
  }

  Budget budget_{std::size_t{1} << 20};
  PrefixCache cache_{groups(), budget_};
  KnownPrefixes known_;
};

TEST_F(KnownPrefixesInCache, AreLookedUpOnlyWhenTheCacheHasChanged) {
  const Path path(100, 1), others(100, 2);
  keep(Path(50, 1));
  EXPECT_EQ(known_.in_cache(cache_, path).matched, 50u);
  EXPECT_EQ(known_.in_cache(cache_, others).matched, 50u) << "it has looked at the path again";
  keep(Path(80, 1));
  EXPECT_EQ(known_.in_cache(cache_, path).matched, 80u);
  cache_.clear();
  EXPECT_EQ(known_.in_cache(cache_, path).matched, 0u);
}

TEST_F(KnownPrefixesInCache, FollowsACacheThatHasLostAsMuchAsItGained) {
  keep(Path(50, 1));
  EXPECT_EQ(known_.in_cache(cache_, Path(100, 1)).matched, 50u);
  cache_.clear();
  keep(Path(50, 2));
  EXPECT_EQ(known_.in_cache(cache_, Path(100, 1)).matched, 0u);
}

TEST_F(KnownPrefixesInCache, FollowsAPathThatGoesOn) {
  keep(Path(80, 1));
  EXPECT_EQ(known_.in_cache(cache_, Path(50, 1)).matched, 50u);
  EXPECT_EQ(known_.in_cache(cache_, Path(100, 1)).matched, 80u);
}

}  // namespace
}  // namespace banyan
