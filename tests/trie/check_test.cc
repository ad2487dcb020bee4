#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "banyan/trie.h"
#include "trie/tools.h"

namespace banyan {

// Reaches into a trie to break it: no public call can.
struct TrieTestPeer {
  static std::vector<Token>& edge(Node* node) { return node->edge_; }
  static std::size_t& end(Node* node) { return node->end_; }
  static Node*& parent(Node* node) { return node->parent_; }
  static auto& children(Node* node) { return node->children_; }
  static std::size_t& uses(Node* node) { return node->uses_; }
  static std::size_t& nodes(Trie& trie) { return trie.nodes_; }
  static std::size_t& tokens(Trie& trie) { return trie.tokens_; }
  static std::size_t& bytes(Trie& trie) { return trie.bytes_; }
};

namespace {

using testing::HasSubstr;

class TrieCheck : public testing::Test {
 protected:
  TrieCheck() {
    leaf_ = insert(trie_, {1, 2, 3});
    insert(trie_, {1, 2, 4});
    trunk_ = leaf_->parent();
    give_snapshot(trie_, leaf_);
    EXPECT_EQ(trie_.check(), "");
  }

  Trie trie_;
  Node* leaf_ = nullptr;
  Node* trunk_ = nullptr;
};

TEST_F(TrieCheck, FindsChildrenThatBeginWithTheSameToken) {
  TrieTestPeer::edge(leaf_)[0] = 4;
  EXPECT_EQ(trie_.check(), "node [2, 3) begins with token 4 but is listed under 3");
}

TEST_F(TrieCheck, FindsAnEmptyEdge) {
  TrieTestPeer::edge(leaf_).clear();
  EXPECT_EQ(trie_.check(), "a child of node [0, 2) has an empty edge");
}

TEST_F(TrieCheck, FindsOffsetsThatDoNotAddUp) {
  ++TrieTestPeer::end(leaf_);
  EXPECT_EQ(trie_.check(), "node [3, 4) does not start where its parent node [0, 2) ends");
}

TEST_F(TrieCheck, FindsAWrongParent) {
  TrieTestPeer::parent(leaf_) = trie_.root();
  EXPECT_EQ(trie_.check(), "node [2, 3) does not point to its parent node [0, 2)");
}

TEST_F(TrieCheck, FindsAMissingChild) {
  TrieTestPeer::children(trunk_)[9] = nullptr;
  EXPECT_EQ(trie_.check(), "node [0, 2) has an entry for a child but no child");
}

TEST_F(TrieCheck, FindsARootThatIsNotEmpty) {
  TrieTestPeer::end(trie_.root()) = 1;
  EXPECT_THAT(trie_.check(), HasSubstr("the root"));
}

TEST_F(TrieCheck, FindsUsesThatDoNotAddUp) {
  trie_.acquire(leaf_);
  EXPECT_EQ(trie_.check(), "");
  TrieTestPeer::uses(trunk_) = 2;
  EXPECT_EQ(trie_.check(), "node [0, 0) counts 1 uses; its sessions and children have 2");
  TrieTestPeer::uses(trie_.root()) = 2;
  EXPECT_EQ(trie_.check(), "node [0, 2) counts 2 uses; its sessions and children have 1");
}

TEST_F(TrieCheck, FindsWrongCounters) {
  ++TrieTestPeer::nodes(trie_);
  EXPECT_EQ(trie_.check(), "the counter of nodes says 5; the nodes add up to 4");
  --TrieTestPeer::nodes(trie_);
  ++TrieTestPeer::tokens(trie_);
  EXPECT_EQ(trie_.check(), "the counter of tokens says 5; the nodes add up to 4");
  --TrieTestPeer::tokens(trie_);
  ++TrieTestPeer::bytes(trie_);
  EXPECT_EQ(trie_.check(), "the counter of snapshot bytes says 4; the nodes add up to 3");
}

TEST_F(TrieCheck, FindsASnapshotWhoseBytesChangedUnseen) {
  leaf_->snapshot()->merge_front(nullptr);
  EXPECT_EQ(trie_.check(), "the counter of snapshot bytes says 3; the nodes add up to 50");
}

}  // namespace
}  // namespace banyan
