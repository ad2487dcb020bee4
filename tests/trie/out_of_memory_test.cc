#include <gtest/gtest.h>

#include <functional>
#include <new>

#include "banyan/trie.h"
#include "support/failing_new.h"
#include "trie/tools.h"

namespace banyan {
namespace {

// Fails the first allocation of `operation` on a fresh trie, then the second, and so on until it
// runs to its end. The trie must be as before after each failure. Returns how many there were.
int fail_each_allocation(const std::function<void(Trie&)>& set_up,
                         const std::function<void(Trie&)>& operation) {
  const int alive = FakeSnapshot::alive;
  for (int allowed = 0;; ++allowed) {
    bool failed = false;
    {
      Trie trie;
      set_up(trie);
      const std::string before = to_text(trie);
      test::fail_allocation(allowed, test::Failing::all_after);
      try {
        operation(trie);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      test::let_allocate();
      EXPECT_EQ(trie.check(), "") << "after " << allowed << " allocations";
      EXPECT_EQ(to_text(trie) == before, failed) << "after " << allowed << " allocations";
    }
    EXPECT_EQ(FakeSnapshot::alive, alive);
    if (!failed) return allowed;
  }
}

void two_branches(Trie& trie) {
  Node* const leaf = insert(trie, {1, 2, 3, 4});
  give_snapshot(trie, leaf);
  insert(trie, {1, 2, 5});
}

TEST(TrieOutOfMemory, AppendOfAChildLeavesTheTrieAsItWas) {
  EXPECT_GE(
      fail_each_allocation(two_branches, [](Trie& trie) { trie.append(trie.root(), TokenSpan({{7, 8}})); }),
      3);
}

TEST(TrieOutOfMemory, AppendInPlaceLeavesTheTrieAsItWas) {
  EXPECT_GE(fail_each_allocation(
                two_branches,
                [](Trie& trie) { trie.append(trie.root()->child(1)->child(5), TokenSpan({{7, 8}})); }),
            1);
}

TEST(TrieOutOfMemory, SplitLeavesTheTrieAsItWas) {
  EXPECT_GE(
      fail_each_allocation(two_branches, [](Trie& trie) { trie.split(trie.root()->child(1)->child(3), 3); }),
      5);
}

TEST(TrieOutOfMemory, MergeLeavesTheTrieAsItWas) {
  const auto set_up = [](Trie& trie) {
    two_branches(trie);
    trie.split(trie.root()->child(1)->child(3), 3);
  };
  EXPECT_GE(fail_each_allocation(set_up,
                                 [](Trie& trie) { trie.merge_with_child(trie.root()->child(1)->child(3)); }),
            1);
}

TEST(TrieOutOfMemory, ShorteningWorksWithoutMemory) {
  Trie trie;
  Node* const leaf = insert(trie, std::vector<Token>(100, 1));
  test::fail_allocation(0, test::Failing::all_after);
  trie.shorten(leaf, 10);
  test::let_allocate();
  EXPECT_EQ(leaf->edge().size(), 10u);
  EXPECT_EQ(trie.check(), "");
}

class ThrowingSnapshot final : public Snapshot {
 public:
  std::size_t bytes() const override { return 11; }
  std::unique_ptr<Snapshot> split_front(std::size_t) override { throw std::bad_alloc(); }
  void merge_front(const Snapshot*) override { throw std::bad_alloc(); }
  void shorten(std::size_t) override {}
};

TEST(TrieOutOfMemory, SnapshotThatFailsToSplitLeavesTheTrieAsItWas) {
  Trie trie;
  Node* const node = insert(trie, {1, 2, 3});
  trie.set_snapshot(node, std::make_unique<ThrowingSnapshot>());
  EXPECT_THROW(trie.split(node, 1), std::bad_alloc);
  EXPECT_EQ(trie.root()->only_child(), node);
  EXPECT_EQ(node->edge().size(), 3u);
  EXPECT_EQ(trie.snapshot_bytes(), 11u);
  EXPECT_EQ(trie.check(), "");
}

TEST(TrieOutOfMemory, SnapshotThatFailsToMergeLeavesTheTrieAsItWas) {
  Trie trie;
  Node* const child = insert(trie, {1, 2, 3});
  Node* const node = trie.split(child, 1);
  give_snapshot(trie, node);
  trie.set_snapshot(child, std::make_unique<ThrowingSnapshot>());
  EXPECT_THROW(trie.merge_with_child(node), std::bad_alloc);
  EXPECT_EQ(node->only_child(), child);
  EXPECT_EQ(trie.match(Path{1, 2, 3}).length, 3u);
  EXPECT_EQ(node->edge().size(), 1u);
  EXPECT_EQ(trie.snapshot_bytes(), cover(*node).bytes() + 11u);
  EXPECT_EQ(trie.check(), "");
}

}  // namespace
}  // namespace banyan
