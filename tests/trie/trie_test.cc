#include "banyan/trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trie/tools.h"

namespace banyan {
namespace {

using testing::ElementsAre;

TEST(TrieWalk, VisitsParentsFirstAndChildrenInTheOrderOfTheirFirstToken) {
  Trie trie;
  for (const Path& path : std::vector<Path>{{5, 1}, {2, 2}, {5, 0}, {9}, {2, 1, 1}, {0}}) insert(trie, path);
  std::vector<Path> visited;
  trie.walk([&](Node& node) {
    visited.push_back(path_of(&node));
    return true;
  });
  EXPECT_THAT(visited, ElementsAre(Path{}, Path{0}, Path{2}, Path{2, 1, 1}, Path{2, 2}, Path{5}, Path{5, 0},
                                   Path{5, 1}, Path{9}));
}

TEST(TrieWalk, StopsWhenToldTo) {
  Trie trie;
  for (Token token = 0; token < 10; ++token) insert(trie, {token});
  int visits = 0;
  trie.walk([&](Node&) { return ++visits < 4; });
  EXPECT_EQ(visits, 4);
}

TEST(TrieUse, CountsEverySessionOnThePath) {
  Trie trie;
  Node* const left = insert(trie, {1, 2, 3});
  Node* const right = insert(trie, {1, 2, 4});
  Node* const trunk = left->parent();
  trie.acquire(left);
  trie.acquire(left);
  trie.acquire(right);
  EXPECT_EQ(trie.root()->uses(), 3u);
  EXPECT_EQ(trunk->uses(), 3u);
  EXPECT_EQ(left->uses(), 2u);
  EXPECT_EQ(right->uses(), 1u);
  trie.release(left);
  EXPECT_EQ(trunk->uses(), 2u);
  EXPECT_EQ(left->uses(), 1u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieUse, ReleasePassesThroughWhatASplitPutAbove) {
  Trie trie;
  Node* const tip = insert(trie, {1, 2, 3, 4});
  trie.acquire(tip);
  Node* const middle = trie.split(tip, 3);
  Node* const top = trie.split(middle, 1);
  EXPECT_EQ(top->uses(), 1u);
  EXPECT_EQ(middle->uses(), 1u);
  EXPECT_EQ(trie.check(), "");
  trie.release(tip);
  for (const Node* node : {trie.root(), top, middle, tip}) EXPECT_EQ(node->uses(), 0u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieUse, ReleaseIsRefusedWhereNoSessionEnds) {
  Trie trie;
  Node* const tip = insert(trie, {1, 2, 3, 4});
  EXPECT_THROW(trie.release(tip), Misuse);
  trie.acquire(tip);
  Node* const front = trie.split(tip, 2);
  EXPECT_THROW(trie.release(front), Misuse);
  EXPECT_THROW(trie.release(trie.root()), Misuse);
  EXPECT_EQ(trie.root()->uses(), 1u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieUse, RootAloneCanBeUsed) {
  Trie trie;
  trie.acquire(trie.root());
  EXPECT_EQ(trie.root()->uses(), 1u);
  trie.release(trie.root());
  EXPECT_EQ(trie.root()->uses(), 0u);
}

TEST(TrieSnapshot, BytesFollowSettingReplacingAndTaking) {
  const int alive = FakeSnapshot::alive;
  Trie trie;
  Node* const node = insert(trie, {1, 2, 3});
  EXPECT_EQ(trie.snapshot_bytes(), 0u);
  give_snapshot(trie, node);
  EXPECT_EQ(trie.snapshot_bytes(), 9u);
  give_snapshot(trie, node, /*whole=*/true);
  EXPECT_EQ(trie.snapshot_bytes(), 50u);
  EXPECT_EQ(FakeSnapshot::alive - alive, 1);

  std::unique_ptr<Snapshot> taken = trie.take_snapshot(node);
  EXPECT_NE(taken, nullptr);
  EXPECT_EQ(node->snapshot(), nullptr);
  EXPECT_EQ(trie.snapshot_bytes(), 0u);
  EXPECT_EQ(trie.take_snapshot(node), nullptr);

  trie.set_snapshot(node, std::move(taken));
  trie.set_snapshot(node, nullptr);
  EXPECT_EQ(trie.snapshot_bytes(), 0u);
  EXPECT_EQ(FakeSnapshot::alive, alive);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieSnapshot, AreDestroyedWithTheTrie) {
  const int alive = FakeSnapshot::alive;
  {
    Trie trie;
    give_snapshot(trie, insert(trie, {1, 2, 3}));
    give_snapshot(trie, insert(trie, {1, 2, 4}));
    EXPECT_EQ(FakeSnapshot::alive - alive, 3);
  }
  EXPECT_EQ(FakeSnapshot::alive, alive);
}

TEST(TrieDepth, PathOfManyNodesDoesNotOverflowTheStack) {
  constexpr std::size_t kNodes = 200'000;
  Trie trie;
  Node* node = trie.root();
  Path path;
  for (std::size_t i = 0; i < kNodes; ++i) {
    path.push_back(static_cast<Token>(i % 7));
    node = trie.append(node, TokenSpan(path).last(1));
    trie.set_user_mark(node, true);  // or the next would grow it in place
  }
  trie.acquire(node);
  EXPECT_EQ(trie.match(path).path.size(), kNodes + 1);
  std::size_t visits = 0;
  trie.walk([&](Node&) { return ++visits > 0; });
  EXPECT_EQ(visits, kNodes + 1);
  EXPECT_EQ(trie.check(), "");
  trie.release(node);
}

}  // namespace
}  // namespace banyan
