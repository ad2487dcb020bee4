#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "banyan/trie.h"
#include "trie/tools.h"

namespace banyan {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(TrieShorten, KeepsTheFrontAndLosesTheMark) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2, 3, 4, 5});
  give_snapshot(trie, leaf);
  trie.set_user_mark(leaf, true);
  trie.set_last_use(leaf, 7);
  trie.shorten(leaf, 2);
  EXPECT_EQ(to_text(trie), "[0,0)\n1 2 [0,2) used at 7 keeps 0-2\n");
  EXPECT_EQ(trie.token_count(), 2u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieShorten, RefusesWhatIsNoTail) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2, 3});
  Node* const inner = trie.split(leaf, 1);
  EXPECT_THROW(trie.shorten(leaf, 1), Misuse);
  EXPECT_THROW(trie.shorten(leaf, 3), Misuse);
  EXPECT_THROW(trie.shorten(inner, 1), Misuse);
  trie.acquire(leaf);
  EXPECT_THROW(trie.shorten(leaf, 2), Misuse);
  trie.release(leaf);
}

TEST(TrieAppend, BelowTheRootMakesAChild) {
  Trie trie;
  trie.set_last_use(trie.root(), 3);
  Node* const node = trie.append(trie.root(), Path{1, 2});
  EXPECT_EQ(node->parent(), trie.root());
  EXPECT_THAT(node->edge(), ElementsAre(1, 2));
  EXPECT_EQ(node->start(), 0u);
  EXPECT_EQ(node->end(), 2u);
  EXPECT_EQ(node->last_use(), 3u);
  EXPECT_FALSE(node->user_mark());
  EXPECT_EQ(node->uses(), 0u);
  EXPECT_EQ(trie.root()->child(1), node);
  EXPECT_EQ(trie.root()->child(2), nullptr);
}

TEST(TrieAppend, BareLeafGrowsInPlace) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2});
  trie.set_last_use(leaf, 5);
  EXPECT_EQ(trie.append(leaf, Path{3, 4}), leaf);
  EXPECT_EQ(to_text(trie), "[0,0)\n1 2 3 4 [0,4) used at 5\n");
  EXPECT_EQ(trie.token_count(), 4u);
  EXPECT_EQ(trie.node_count(), 2u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieAppend, LeafWithSnapshotGetsAChild) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2});
  trie.set_last_use(leaf, 5);
  give_snapshot(trie, leaf);
  Node* const child = trie.append(leaf, Path{3});
  EXPECT_EQ(child->parent(), leaf);
  EXPECT_EQ(to_text(trie), "[0,0)\n1 2 [0,2) used at 5 keeps 0-2\n3 [2,3) used at 5\n");
}

TEST(TrieAppend, LeafWithUserMarkGetsAChild) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2});
  trie.set_user_mark(leaf, true);
  trie.append(leaf, Path{3});
  EXPECT_EQ(to_text(trie), "[0,0)\n1 2 [0,2) marked\n3 [2,3)\n");
}

TEST(TrieAppend, LeafInUseGetsAChild) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2});
  trie.acquire(leaf);
  Node* const child = trie.append(leaf, Path{3});
  EXPECT_EQ(child->parent(), leaf);
  EXPECT_EQ(child->uses(), 0u);
  trie.release(leaf);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieAppend, InnerNodeGetsAnotherChild) {
  Trie trie;
  insert(trie, {1, 2, 3});
  insert(trie, {1, 2, 4});
  Node* const inner = trie.match(Path{1, 2}).path.back();
  trie.append(inner, Path{5, 6});
  EXPECT_THAT(inner->children(), UnorderedElementsAre(inner->child(3), inner->child(4), inner->child(5)));
  EXPECT_EQ(inner->child_count(), 3u);
  EXPECT_FALSE(inner->is_leaf());
}

TEST(TrieAppend, RefusesNothingAndATakenFirstToken) {
  Trie trie;
  insert(trie, {1, 2, 3});
  const std::string before = to_text(trie);
  EXPECT_THROW(trie.append(trie.root(), {}), Misuse);
  EXPECT_THROW(trie.append(trie.root(), Path{1, 9}), Misuse);
  EXPECT_EQ(to_text(trie), before);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieSplit, FrontTakesThePlaceAmongTheSiblings) {
  Trie trie;
  Node* const node = insert(trie, {1, 2, 3, 4, 5, 6});
  insert(trie, {9});
  trie.set_last_use(node, 8);
  trie.set_user_mark(node, true);

  Node* const front = trie.split(node, 2);

  EXPECT_EQ(front->parent(), trie.root());
  EXPECT_EQ(trie.root()->child(1), front);
  EXPECT_EQ(node->parent(), front);
  EXPECT_EQ(front->only_child(), node);
  EXPECT_EQ(to_text(trie),
            "[0,0)\n"
            "1 2 [0,2) used at 8\n"
            "3 4 5 6 [2,6) used at 8 marked\n"
            "9 [0,1)\n");
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieSplit, KeepsTheChildrenBelowTheBack) {
  Trie trie;
  insert(trie, {1, 2, 3, 4});
  insert(trie, {1, 2, 3, 5});
  Node* const trunk = trie.root()->child(1);
  Node* const front = trie.split(trunk, 1);
  EXPECT_EQ(front->child_count(), 1u);
  EXPECT_EQ(trunk->child_count(), 2u);
  EXPECT_EQ(trunk->child(4)->parent(), trunk);
  EXPECT_EQ(to_text(trie), "[0,0)\n1 [0,1)\n2 3 [1,3)\n4 [3,4)\n5 [3,4)\n");
}

TEST(TrieSplit, DividesASnapshotThatCanBeDivided) {
  Trie trie;
  Node* const node = insert(trie, {1, 2, 3, 4, 5});
  give_snapshot(trie, node);
  ASSERT_EQ(trie.snapshot_bytes(), 15u);
  Node* const front = trie.split(node, 2);
  EXPECT_EQ(FakeSnapshot::coverage_of(front->snapshot()), (Coverage{.from = 0, .to = 2}));
  EXPECT_EQ(FakeSnapshot::coverage_of(node->snapshot()), (Coverage{.from = 2, .to = 5}));
  EXPECT_EQ(trie.snapshot_bytes(), 15u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieSplit, LeavesAnIndivisibleSnapshotWithTheBack) {
  Trie trie;
  Node* const node = insert(trie, {1, 2, 3, 4, 5});
  give_snapshot(trie, node, /*whole=*/true);
  Node* const front = trie.split(node, 2);
  EXPECT_EQ(front->snapshot(), nullptr);
  EXPECT_EQ(FakeSnapshot::coverage_of(node->snapshot()), (Coverage{.from = 5, .to = 5, .whole = true}));
  EXPECT_EQ(trie.snapshot_bytes(), 50u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieSplit, WithoutSnapshotLeavesNone) {
  Trie trie;
  Node* const node = insert(trie, {1, 2});
  EXPECT_EQ(trie.split(node, 1)->snapshot(), nullptr);
  EXPECT_EQ(node->snapshot(), nullptr);
}

TEST(TrieSplit, CountsBytesThatTheSnapshotGainsOrLoses) {
  // A snapshot whose parts are larger than the whole, as when each has a header.
  struct WithHeader final : Snapshot {
    std::size_t bytes() const override { return 100; }
    std::unique_ptr<Snapshot> split_front(std::size_t) override { return std::make_unique<WithHeader>(); }
    void merge_front(const Snapshot*) override {}
    void shorten(std::size_t) override {}
  };
  Trie trie;
  Node* const node = insert(trie, {1, 2});
  trie.set_snapshot(node, std::make_unique<WithHeader>());
  Node* const front = trie.split(node, 1);
  EXPECT_EQ(trie.snapshot_bytes(), 200u);
  trie.merge_with_child(front);
  EXPECT_EQ(trie.snapshot_bytes(), 100u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieSplit, RefusesOffsetsThatAreNotInsideTheEdge) {
  Trie trie;
  insert(trie, {1, 2, 3, 4});
  insert(trie, {1, 2, 5});
  Node* const back = trie.match(Path{1, 2, 3, 4}).path.back();
  const std::string before = to_text(trie);
  for (const std::size_t offset : {0, 1, 2, 4, 5}) EXPECT_THROW(trie.split(back, offset), Misuse) << offset;
  EXPECT_THROW(trie.split(trie.root(), 0), Misuse);
  EXPECT_EQ(to_text(trie), before);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieMerge, JoinsEdgesAndKeepsTheChild) {
  Trie trie;
  Node* const child = insert(trie, {1, 2, 3, 4, 5});
  Node* const node = trie.split(child, 2);
  EXPECT_EQ(trie.merge_with_child(node), child);
  EXPECT_THAT(child->edge(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(child->start(), 0u);
  EXPECT_EQ(child->end(), 5u);
  EXPECT_EQ(child->parent(), trie.root());
  EXPECT_EQ(trie.root()->child(1), child);
  EXPECT_EQ(trie.node_count(), 2u);
  EXPECT_EQ(trie.token_count(), 5u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieMerge, GrandchildrenBecomeTheSurvivorsChildren) {
  Trie trie;
  insert(trie, {1, 2, 3, 4, 5});
  insert(trie, {1, 2, 3, 6, 7});
  Node* const branch = trie.match(Path{1, 2, 3}).path.back();
  Node* const survivor = trie.merge_with_child(trie.split(branch, 1));
  EXPECT_THAT(survivor->children(), UnorderedElementsAre(survivor->child(4), survivor->child(6)));
  EXPECT_EQ(survivor->child(4)->parent(), survivor);
  EXPECT_EQ(survivor->child(4)->start(), 3u);
  EXPECT_EQ(survivor->child(6)->end(), 5u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieMerge, UserMarkIsTheChilds) {
  for (const bool node_marked : {false, true}) {
    for (const bool child_marked : {false, true}) {
      Trie trie;
      Node* const child = insert(trie, {1, 2, 3});
      Node* const node = trie.split(child, 1);
      trie.set_user_mark(node, node_marked);
      trie.set_user_mark(child, child_marked);
      EXPECT_EQ(trie.merge_with_child(node)->user_mark(), child_marked);
    }
  }
}

TEST(TrieMerge, LastUseIsTheLater) {
  for (const std::uint64_t node_use : {2u, 9u}) {
    Trie trie;
    Node* const child = insert(trie, {1, 2, 3});
    Node* const node = trie.split(child, 1);
    trie.set_last_use(node, node_use);
    trie.set_last_use(child, 5);
    EXPECT_EQ(trie.merge_with_child(node)->last_use(), std::max<std::uint64_t>(node_use, 5));
  }
}

struct MergeCase {
  bool node_has;
  bool child_has;
  const char* kept;
};

TEST(TrieMerge, MergesSnapshotsWithEitherSideAbsent) {
  const int alive = FakeSnapshot::alive;
  for (const auto& [node_has, child_has, kept] : {
           MergeCase{true, true, " keeps 0-5"},
           MergeCase{false, true, " keeps 5-5 whole"},
           MergeCase{true, false, ""},
           MergeCase{false, false, ""},
       }) {
    Trie trie;
    Node* const child = insert(trie, {1, 2, 3, 4, 5});
    Node* const node = trie.split(child, 2);
    if (node_has) give_snapshot(trie, node);
    if (child_has) give_snapshot(trie, child);
    trie.merge_with_child(node);
    EXPECT_EQ(to_text(trie), std::string("[0,0)\n1 2 3 4 5 [0,5)") + kept + "\n");
    EXPECT_EQ(trie.check(), "");
    EXPECT_EQ(FakeSnapshot::alive - alive, child_has ? 1 : 0);
  }
  EXPECT_EQ(FakeSnapshot::alive, alive);
}

TEST(TrieMerge, RefusesTheRootLeavesBranchesAndWhereASessionEnds) {
  Trie trie;
  insert(trie, {1, 2, 3});
  EXPECT_THROW(trie.merge_with_child(trie.root()), Misuse);
  Node* const a = insert(trie, {1, 2, 4});
  EXPECT_THROW(trie.merge_with_child(a), Misuse);
  EXPECT_THROW(trie.merge_with_child(a->parent()), Misuse);
  Node* const front = trie.split(a->parent(), 1);
  trie.acquire(front);
  const std::string before = to_text(trie);
  EXPECT_THROW(trie.merge_with_child(front), Misuse);
  EXPECT_EQ(to_text(trie), before);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieMerge, IsAllowedWhereSessionsPassToTheChild) {
  Trie trie;
  Node* const child = insert(trie, {1, 2, 3});
  trie.acquire(child);
  Node* const node = trie.split(child, 1);
  EXPECT_EQ(trie.merge_with_child(node), child);
  EXPECT_EQ(child->uses(), 1u);
  trie.release(child);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieMerge, AfterSplitGivesTheSameTrie) {
  Trie trie;
  Node* const trunk = insert(trie, {1, 2, 3, 4, 5, 6});
  give_snapshot(trie, trunk);
  trie.set_last_use(trunk, 4);
  trie.set_user_mark(trunk, true);
  trie.append(trunk, Path{7});
  trie.append(trunk, Path{8});
  const std::string before = to_text(trie);
  for (std::size_t offset = 1; offset < 6; ++offset) {
    trie.merge_with_child(trie.split(trunk, offset));
    EXPECT_EQ(to_text(trie), before);
    EXPECT_EQ(trie.check(), "");
  }
}

TEST(TrieRemove, TakesALeafAndItsSnapshotOutOfTheCounters) {
  const int alive = FakeSnapshot::alive;
  Trie trie;
  Node* const leaf = insert(trie, {1, 2, 3});
  Node* const other = insert(trie, {1, 2, 4, 5});
  give_snapshot(trie, leaf);
  give_snapshot(trie, other);
  trie.remove(other);
  EXPECT_EQ(to_text(trie), "[0,0)\n1 2 [0,2)\n3 [2,3) keeps 2-3\n");
  EXPECT_EQ(trie.node_count(), 3u);
  EXPECT_EQ(trie.token_count(), 3u);
  EXPECT_EQ(trie.snapshot_bytes(), 3u);
  EXPECT_EQ(FakeSnapshot::alive - alive, 1);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieRemove, EmptiesTheTrieLeafByLeaf) {
  Trie trie;
  Node* const leaf = insert(trie, {1, 2, 3});
  Node* const inner = trie.split(leaf, 1);
  trie.remove(leaf);
  trie.remove(inner);
  EXPECT_TRUE(trie.root()->is_leaf());
  EXPECT_EQ(trie.node_count(), 1u);
  EXPECT_EQ(trie.token_count(), 0u);
  EXPECT_EQ(trie.match(Path{1}).length, 0u);
}

TEST(TrieRemove, RefusesTheRootInnerNodesAndNodesInUse) {
  Trie trie;
  EXPECT_THROW(trie.remove(trie.root()), Misuse);
  Node* const leaf = insert(trie, {1, 2, 3});
  Node* const inner = trie.split(leaf, 1);
  trie.acquire(leaf);
  const std::string before = to_text(trie);
  EXPECT_THROW(trie.remove(trie.root()), Misuse);
  EXPECT_THROW(trie.remove(inner), Misuse);
  EXPECT_THROW(trie.remove(leaf), Misuse);
  EXPECT_EQ(to_text(trie), before);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieNode, OnlyChildIsRefusedWithoutOrWithSeveral) {
  Trie trie;
  EXPECT_THROW(trie.root()->only_child(), Misuse);
  Node* const first = insert(trie, {1});
  EXPECT_EQ(trie.root()->only_child(), first);
  insert(trie, {2});
  EXPECT_THROW(trie.root()->only_child(), Misuse);
}

}  // namespace
}  // namespace banyan
