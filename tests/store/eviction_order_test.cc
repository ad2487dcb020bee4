#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "banyan/store.h"

namespace banyan {
namespace {

// The keys in the order in which they go.
std::vector<EvictionOrder::Key> drain(EvictionOrder& order) {
  std::vector<EvictionOrder::Key> keys;
  for (std::size_t left = order.size(); left > 0; --left) {
    keys.push_back(order.victim().value());
    order.drop(keys.back());
  }
  EXPECT_EQ(order.victim(), std::nullopt);
  return keys;
}

TEST(EvictionRank, UnmarkedGoesBeforeUserMarked) {
  const EvictionRank unmarked = {.user_mark = false, .last_use = 9, .depth = 1, .bytes = 1};
  const EvictionRank marked = {.user_mark = true, .last_use = 1, .depth = 9, .bytes = 9};
  EXPECT_TRUE(unmarked < marked);
  EXPECT_FALSE(marked < unmarked);
}

TEST(EvictionRank, OlderGoesBeforeNewer) {
  const EvictionRank older = {.last_use = 1, .depth = 1, .bytes = 1};
  const EvictionRank newer = {.last_use = 2, .depth = 9, .bytes = 9};
  EXPECT_TRUE(older < newer);
  EXPECT_FALSE(newer < older);
}

TEST(EvictionRank, InnerNodeGoesBeforeALeaf) {
  const EvictionRank inner = {.last_use = 1, .leaf = false, .depth = 1, .bytes = 1};
  const EvictionRank leaf = {.last_use = 1, .leaf = true, .depth = 9, .bytes = 9};
  EXPECT_TRUE(inner < leaf);
  EXPECT_FALSE(leaf < inner);
}

TEST(EvictionRank, DeeperGoesBeforeShallower) {
  const EvictionRank deeper = {.last_use = 1, .depth = 9, .bytes = 1};
  const EvictionRank shallower = {.last_use = 1, .depth = 1, .bytes = 9};
  EXPECT_TRUE(deeper < shallower);
  EXPECT_FALSE(shallower < deeper);
}

TEST(EvictionRank, LargerGoesBeforeSmaller) {
  const EvictionRank larger = {.last_use = 1, .depth = 1, .bytes = 9};
  const EvictionRank smaller = {.last_use = 1, .depth = 1, .bytes = 1};
  EXPECT_TRUE(larger < smaller);
  EXPECT_FALSE(smaller < larger);
}

TEST(EvictionRank, CheapGoesBeforeOlder) {
  const EvictionRank cheap = {.cheap = true, .last_use = 9, .depth = 1, .bytes = 1};
  const EvictionRank dear = {.cheap = false, .last_use = 1, .depth = 9, .bytes = 9};
  EXPECT_TRUE(cheap < dear);
  EXPECT_FALSE(dear < cheap);
}

TEST(EvictionRank, OfTheCheapTheLeastDeepGoesFirst) {
  const EvictionRank above = {.cheap = true, .last_use = 9, .depth = 1, .bytes = 1};
  const EvictionRank below = {.cheap = true, .last_use = 1, .depth = 9, .bytes = 9};
  EXPECT_TRUE(above < below);
  EXPECT_FALSE(below < above);
}

TEST(EvictionRank, IsNotBeforeItself) {
  const EvictionRank rank = {.user_mark = true, .last_use = 3, .depth = 2, .bytes = 1};
  EXPECT_FALSE(rank < rank);
}

TEST(EvictionOrder, EmptyHasNoVictim) {
  const EvictionOrder order;
  EXPECT_EQ(order.victim(), std::nullopt);
  EXPECT_EQ(order.size(), 0u);
  EXPECT_EQ(order.rank(1), std::nullopt);
}

TEST(EvictionOrder, VictimsComeByMarkThenWorthThenAgeThenDepthThenBytes) {
  EvictionOrder order;
  order.put(1, {.user_mark = true, .last_use = 1, .depth = 5, .bytes = 5});
  order.put(2, {.last_use = 7, .depth = 5, .bytes = 5});
  order.put(3, {.last_use = 4, .depth = 2, .bytes = 9});
  order.put(4, {.last_use = 4, .depth = 3, .bytes = 1});
  order.put(5, {.last_use = 4, .depth = 3, .bytes = 2});
  order.put(6, {.last_use = 4, .leaf = true, .depth = 4, .bytes = 2});
  order.put(7, {.cheap = true, .last_use = 9, .depth = 3, .bytes = 2});
  order.put(8, {.cheap = true, .last_use = 9, .depth = 2, .bytes = 2});
  EXPECT_EQ(drain(order), (std::vector<EvictionOrder::Key>{8, 7, 5, 4, 3, 6, 2, 1}));
}

TEST(EvictionOrder, EqualRanksGoInTheOrderOfTheirKeys) {
  EvictionOrder order;
  for (const EvictionOrder::Key key : {3, 1, 2}) order.put(key, {.last_use = 1});
  EXPECT_EQ(drain(order), (std::vector<EvictionOrder::Key>{1, 2, 3}));
}

TEST(EvictionOrder, PutMovesAnEntryThatIsIn) {
  EvictionOrder order;
  order.put(1, {.last_use = 1});
  order.put(2, {.last_use = 2});
  order.put(1, {.last_use = 3});
  EXPECT_EQ(order.size(), 2u);
  EXPECT_EQ(order.rank(1), (EvictionRank{.last_use = 3}));
  EXPECT_EQ(drain(order), (std::vector<EvictionOrder::Key>{2, 1}));
}

TEST(EvictionOrder, DroppedEntriesAreGoneAndOthersAreNot) {
  EvictionOrder order;
  order.put(1, {.last_use = 1});
  order.put(2, {.last_use = 2});
  order.drop(1);
  order.drop(1);
  order.drop(7);
  EXPECT_EQ(order.rank(1), std::nullopt);
  EXPECT_EQ(order.victim(), 2u);
  EXPECT_EQ(order.size(), 1u);
}

class RandomEvictions : public testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomEvictions, AgreeWithASortedVector) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  std::mt19937 random(GetParam());
  EvictionOrder order;
  struct Entry {
    EvictionOrder::Key key;
    EvictionRank rank;
  };
  std::vector<Entry> plain;
  const auto goes_first = [](const Entry& a, const Entry& b) {
    if (a.rank.user_mark != b.rank.user_mark) return b.rank.user_mark;
    if (a.rank.last_use != b.rank.last_use) return a.rank.last_use < b.rank.last_use;
    if (a.rank.depth != b.rank.depth) return a.rank.depth > b.rank.depth;
    if (a.rank.bytes != b.rank.bytes) return a.rank.bytes > b.rank.bytes;
    return a.key < b.key;
  };
  for (int step = 0; step < 5000; ++step) {
    const EvictionOrder::Key key = random() % 64;
    const auto entry = std::ranges::find(plain, key, &Entry::key);
    if (random() % 3 == 0) {
      order.drop(key);
      if (entry != plain.end()) plain.erase(entry);
    } else {
      // Few values, so that every criterion is a tie at times.
      const EvictionRank rank = {.user_mark = random() % 4 == 0,
                                 .last_use = random() % 8,
                                 .depth = random() % 4,
                                 .bytes = random() % 4};
      order.put(key, rank);
      if (entry != plain.end()) {
        entry->rank = rank;
      } else {
        plain.push_back({key, rank});
      }
    }
    std::ranges::sort(plain, goes_first);
    ASSERT_EQ(order.size(), plain.size());
    ASSERT_EQ(order.victim(), plain.empty() ? std::nullopt : std::optional(plain.front().key));
    for (const Entry& kept : plain) ASSERT_EQ(order.rank(kept.key), kept.rank);
  }
  for (const Entry& kept : plain) {
    ASSERT_EQ(order.victim(), kept.key);
    order.drop(kept.key);
  }
  EXPECT_EQ(order.victim(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomEvictions, testing::Range(1u, 6u));

}  // namespace
}  // namespace banyan
