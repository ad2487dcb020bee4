// The checker finds errors that are planted behind the cache's back.
#include <gmock/gmock.h>

#include "cache/cache_test.h"
#include "cache/node_snapshot.h"

namespace banyan {
namespace {

class CheckTest : public CacheTest {
 protected:
  CheckTest() {
    request("trunk, one");
    request("trunk, two");
  }

  Trie& trie() { return const_cast<Trie&>(cache.trie()); }
  Node* node_at(std::string_view path) { return trie().match(ids(path)).path.back(); }

  void expect_wrong(std::string_view message) {
    EXPECT_NE(cache.check().find(message), std::string::npos) << cache.check();
  }
};

TEST_F(CheckTest, MemoryThatNothingReaches) {
  auto leak = budget.take(100, "a leak");
  ASSERT_TRUE(leak);
  expect_wrong("are accounted for");
  EXPECT_EQ(cache.check(100), "");
}

TEST_F(CheckTest, MemoryThatIsNotCharged) { EXPECT_NE(cache.check(1), ""); }

TEST_F(CheckTest, OutdatedRank) {
  Node* node = node_at("trunk, one");
  const std::uint64_t before = node->last_use();
  trie().set_last_use(node, 77);
  expect_wrong("node [7, 10) has an outdated rank");
  trie().set_last_use(node, before);
}

TEST_F(CheckTest, UseThatNoSessionAccountsFor) {
  Node* node = node_at("trunk, one");
  trie().acquire(node);
  expect_wrong("uses");
  trie().release(node);
}

TEST_F(CheckTest, LeafThatMayGoAndIsNotInTheOrder) {
  Node* leaf = trie().append(node_at("trunk, one"), ids("!"));
  trie().set_snapshot(leaf, std::make_unique<NodeSnapshot>(Parts(1)));
  EXPECT_NE(cache.check(), "");
  trie().remove(leaf);
}

TEST_F(CheckTest, NodeWithoutSnapshot) {
  Node* node = node_at("trunk, one");
  auto snapshot = trie().take_snapshot(node);
  expect_wrong("has no snapshot");
  trie().set_snapshot(node, std::move(snapshot));
}

TEST_F(CheckTest, SnapshotThatDoesNotSpanItsEdge) {
  Node* node = node_at("trunk, one");
  auto snapshot = trie().take_snapshot(node);
  const std::size_t bytes = snapshot->bytes();
  auto front = snapshot->split_front(1);
  trie().set_snapshot(node, std::move(snapshot));
  EXPECT_LT(node->snapshot()->bytes(), bytes);
  EXPECT_NE(cache.check(), "");
  snapshot = trie().take_snapshot(node);
  snapshot->merge_front(front.get());
  trie().set_snapshot(node, std::move(snapshot));
}

TEST(CheckKinds, WindowPartThatIsMissingOrLiesOutsideItsEdge) {
  Budget budget(1 << 20);
  PrefixCache cache(make_groups({.attention = false, .window = true}), budget);
  auto session = cache.begin(ids("a prompt"));
  ASSERT_TRUE(evaluate(*session, session->pending()));
  session->publish();
  ASSERT_EQ(cache.check(), "");
  Trie& trie = const_cast<Trie&>(cache.trie());
  Node* node = trie.match(ids("a prompt")).path.back();
  auto right = trie.take_snapshot(node);
  trie.set_snapshot(node, std::make_unique<NodeSnapshot>(Parts(1)));
  EXPECT_THAT(cache.check(), testing::HasSubstr("is missing"));
  ASSERT_TRUE(evaluate(*session, ids("!")));
  Parts longer;
  longer.push_back(session->states()[0]->snapshot(0, 9));
  trie.set_snapshot(node, std::make_unique<NodeSnapshot>(std::move(longer)));
  EXPECT_THAT(cache.check(), testing::HasSubstr("does not lie in its edge"));
  trie.set_snapshot(node, std::move(right));
  EXPECT_EQ(cache.check(), "");
}

TEST(CheckKinds, TwoNodesWithTheSameRecurrentState) {
  Budget budget(1 << 20);
  PrefixCache cache(make_groups({.attention = false, .recurrent = true}), budget);
  auto session = cache.begin(ids("a prompt"));
  ASSERT_TRUE(evaluate(*session, session->pending()));
  session->publish();
  Trie& trie = const_cast<Trie&>(cache.trie());
  Node* end = trie.match(ids("a prompt")).path.back();
  session->close();
  ASSERT_EQ(cache.check(), "");
  auto again = cache.begin(ids("a prompt and more"));
  Parts same;
  same.push_back(again->states()[0]->snapshot(0, 8));
  Node* front = trie.split(end, 2);
  trie.set_snapshot(front, std::make_unique<NodeSnapshot>(std::move(same)));
  EXPECT_THAT(cache.check(), testing::HasSubstr("recurrent state of another node"));
  trie.set_snapshot(front, std::make_unique<NodeSnapshot>(Parts(1)));
  trie.merge_with_child(front);
}

TEST_F(CheckTest, NodesThatShouldHaveMerged) {
  Node* front = trie().split(node_at("trunk, one"), 8);
  EXPECT_NE(cache.check(), "");
  trie().merge_with_child(front);
}

}  // namespace
}  // namespace banyan
