#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "banyan/trie.h"
#include "trie/tools.h"

namespace banyan {
namespace {

using testing::ElementsAre;

TEST(TrieMatch, EmptyTrieMatchesNothing) {
  const Trie trie;
  const Match match = trie.match(Path{1, 2, 3});
  EXPECT_THAT(match.path, ElementsAre(trie.root()));
  EXPECT_EQ(match.length, 0u);
}

TEST(TrieMatch, NoTokensMatchTheRoot) {
  Trie trie;
  insert(trie, {1, 2});
  const Match match = trie.match({});
  EXPECT_THAT(match.path, ElementsAre(trie.root()));
  EXPECT_EQ(match.length, 0u);
}

TEST(TrieMatch, FindsTheBranchAmongSeveral) {
  Trie trie;
  Node* const tens = insert(trie, {10, 11, 12});
  Node* const twenties = insert(trie, {20, 21, 22});
  Node* const thirties = insert(trie, {30, 31, 32});
  const Match match = trie.match(Path{20, 21, 22, 23});
  EXPECT_THAT(match.path, ElementsAre(trie.root(), twenties));
  EXPECT_EQ(match.length, 3u);
  EXPECT_THAT(trie.match(Path{10, 11, 12}).path, ElementsAre(trie.root(), tens));
  EXPECT_THAT(trie.match(Path{30, 31, 32}).path, ElementsAre(trie.root(), thirties));
  EXPECT_THAT(trie.match(Path{40}).path, ElementsAre(trie.root()));
}

TEST(TrieMatch, FullEdgeIsFoundBeforeAPartialOne) {
  // [1 2] and [1 2 3 4 5] both begin with 1: the shorter is a full edge on the way to the longer.
  for (const bool shorter_first : {true, false}) {
    Trie trie;
    if (shorter_first) give_snapshot(trie, insert(trie, {1, 2}));
    insert(trie, {1, 2, 3, 4, 5});
    Node* const shorter = insert(trie, {1, 2});

    const Match match = trie.match(Path{1, 2, 9});
    EXPECT_THAT(match.path, ElementsAre(trie.root(), shorter));
    EXPECT_EQ(match.length, 2u);
    EXPECT_EQ(match.length, shorter->end());
  }
}

TEST(TrieMatch, LongerPartialIsFoundBeforeAShorter) {
  // Of [1 2 8 8] and [1 2 3 4 8], the prompt shares two tokens with the first and four with the other.
  Trie trie;
  insert(trie, {1, 2, 8, 8});
  Node* const longer = insert(trie, {1, 2, 3, 4, 8});
  const Match match = trie.match(Path{1, 2, 3, 4, 5});
  EXPECT_EQ(match.length, 4u);
  EXPECT_THAT(match.path, ElementsAre(trie.root(), longer->parent(), longer));
}

TEST(TrieMatch, StopsInsideAPartlyMatchedEdge) {
  Trie trie;
  Node* const node = insert(trie, {1, 2, 3, 4});
  const Match match = trie.match(Path{1, 2, 9, 9});
  EXPECT_THAT(match.path, ElementsAre(trie.root(), node));
  EXPECT_EQ(match.length, 2u);
  EXPECT_EQ(trie.match(Path{1, 2}).length, 2u);
}

TEST(TrieMatch, ReturnsThePathFromTheRootThroughSeveralNodes) {
  Trie trie;
  Node* const c = insert(trie, {1, 2, 3, 4, 5, 6});
  Node* const b = trie.split(c, 4);
  Node* const a = trie.split(b, 1);
  const Match match = trie.match(Path{1, 2, 3, 4, 5, 6, 7});
  EXPECT_THAT(match.path, ElementsAre(trie.root(), a, b, c));
  EXPECT_EQ(match.length, 6u);
}

TEST(TrieMatch, ChangesNothing) {
  Trie trie;
  trie.set_last_use(insert(trie, {1, 2, 3}), 7);
  insert(trie, {1, 2, 4});
  const std::string before = to_text(trie);
  trie.match(Path{1, 2, 3});
  trie.match(Path{1});
  trie.match(Path{5});
  EXPECT_EQ(to_text(trie), before);
}

TEST(TrieMatch, FindsTheFirstDifferenceAnywhereInALongEdge) {
  Path edge(300);
  std::iota(edge.begin(), edge.end(), 1000);
  Trie trie;
  insert(trie, edge);
  for (std::size_t differs = 1; differs < edge.size(); ++differs) {
    Path prompt = edge;
    prompt[differs] = 7;
    EXPECT_EQ(trie.match(prompt).length, differs);
    EXPECT_EQ(trie.match(TokenSpan(edge).first(differs)).length, differs);
  }
  EXPECT_EQ(trie.match(edge).length, edge.size());
}

TEST(TrieMatch, FindSplitAppendSequenceSharesWhatIsCommon) {
  Trie trie;
  insert(trie, {1, 2, 3, 4, 5});
  Match match = trie.match(Path{1, 2, 3, 8, 9});
  ASSERT_EQ(match.length, 3u);
  Node* const front = trie.split(match.path.back(), match.length);
  Node* const branch = trie.append(front, Path{8, 9});

  EXPECT_EQ(to_text(trie), "[0,0)\n1 2 3 [0,3)\n4 5 [3,5)\n8 9 [3,5)\n");
  match = trie.match(Path{1, 2, 3, 8, 9, 10});
  EXPECT_EQ(match.length, 5u);
  EXPECT_THAT(match.path, ElementsAre(trie.root(), front, branch));
  EXPECT_EQ(trie.match(Path{1, 2, 3, 4, 5}).length, 5u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieMatch, RepeatedBranchingKeepsEveryPath) {
  Trie trie;
  const std::vector<Path> paths = {
      {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 7}, {1, 2, 3, 8}, {1, 2, 9}, {1, 2, 3, 4, 5, 0}};
  for (const Path& path : paths) {
    insert(trie, path);
    ASSERT_EQ(trie.check(), "");
  }
  for (const Path& path : paths) EXPECT_EQ(trie.match(path).length, path.size());
  EXPECT_EQ(to_text(trie),
            "[0,0)\n"
            "1 2 [0,2)\n"
            "3 [2,3)\n"
            "4 [3,4)\n"
            "5 [4,5)\n"
            "0 [5,6)\n"
            "6 [5,6)\n"
            "7 [4,5)\n"
            "8 [3,4)\n"
            "9 [2,3)\n");
}

TEST(TrieMatch, BranchIsMadeOnceAndThenReused) {
  Trie trie;
  Node* const first = insert(trie, {1, 2, 3});
  Node* const second = insert(trie, {1, 2, 4});
  const std::size_t nodes = trie.node_count();
  EXPECT_EQ(insert(trie, {1, 2, 4}), second);
  EXPECT_EQ(insert(trie, {1, 2, 3}), first);
  EXPECT_EQ(insert(trie, {1, 2}), first->parent());
  EXPECT_EQ(first->parent(), second->parent());
  EXPECT_EQ(trie.node_count(), nodes);
}

}  // namespace
}  // namespace banyan
