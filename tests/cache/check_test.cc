// The checker finds errors that are planted behind the cache's back.
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
  snapshot->merge_front(std::move(front));
  trie().set_snapshot(node, std::move(snapshot));
}

TEST_F(CheckTest, NodesThatShouldHaveMerged) {
  Node* front = trie().split(node_at("trunk, one"), 8);
  EXPECT_NE(cache.check(), "");
  trie().merge_with_child(front);
}

}  // namespace
}  // namespace banyan
