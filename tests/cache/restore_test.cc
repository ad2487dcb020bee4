// How groups of different kinds agree on where to resume, and which of them is to blame.
#include "cache/restore.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "cache/cache_trie.h"
#include "cache/fake_model.h"

namespace banyan {
namespace {

class RestoreTest : public testing::Test {
 protected:
  RestoreTest() {
    groups_ = make_groups({.attention = false, .window = true, .recurrent = true});
    paths_.resize(2);
  }

  /// Adds a node that ends at `end` and of which the groups keep something or nothing.
  void node(std::size_t end, bool window, bool point) {
    add(0, end, window);
    add(1, end, point);
  }

  Resumption find(std::size_t deepest) const { return find_resumption(groups_, paths_, deepest); }

  Budget budget_{1 << 20};
  Groups groups_;

 private:
  void add(std::size_t group, std::size_t end, bool keep) {
    const std::size_t start = paths_[group].empty() ? 0 : paths_[group].back().end;
    const auto state = groups_[group]->resume({}, 0, budget_);
    ASSERT_TRUE(state->reserve(end));
    forward(*state, path_hashes(Path(end, 'x')));
    state->commit(end);
    parts_.push_back(keep ? state->snapshot(start, end) : nullptr);
    paths_[group].push_back({parts_.back().get(), start, end});
  }

  std::vector<std::unique_ptr<StatePart>> parts_;
  std::vector<std::vector<PathPart>> paths_;
};

TEST_F(RestoreTest, EmptyPathResumesAtItsStart) {
  EXPECT_EQ(find(0).offset, 0u);
  EXPECT_EQ(find(0).held_back_by, nullptr);
}

TEST_F(RestoreTest, AllReachTheDeepest) {
  node(10, true, true);
  node(20, true, true);
  EXPECT_EQ(find(20).offset, 20u);
  EXPECT_EQ(find(20).limit, RestoreLimit::none);
  EXPECT_EQ(find(20).held_back_by, nullptr);
}

TEST_F(RestoreTest, OneFallsBackToWhatAnotherCannotResume) {
  node(10, true, true);
  node(20, false, true);
  node(30, true, true);
  // At 29 there is no point; at 20, the last one, there is no window.
  EXPECT_EQ(find(29).offset, 10u);
  EXPECT_EQ(find(29).held_back_by, groups_[0].get());
  EXPECT_EQ(find(29).limit, RestoreLimit::no_state);
}

// Edges of a window at most, so that the window of every offset is kept.

TEST_F(RestoreTest, PointThatIsTooLateIsNoPoint) {
  node(8, true, true);
  node(16, true, true);
  EXPECT_EQ(find(15).offset, 8u);
  EXPECT_EQ(find(15).held_back_by, groups_[1].get());
  EXPECT_EQ(find(15).limit, RestoreLimit::no_point);
}

TEST_F(RestoreTest, WhatIsMissingBeforeTheOffsetOrAfterTheDeepestIsNotToBlame) {
  node(4, true, false);
  node(8, true, true);
  node(15, true, true);
  node(20, true, false);
  EXPECT_EQ(find(15).offset, 15u);
  EXPECT_EQ(find(14).offset, 8u);
  EXPECT_EQ(find(14).limit, RestoreLimit::no_point);
  EXPECT_EQ(find(16).limit, RestoreLimit::no_state);
}

// Of nodes that keep whatever chance has left them.
TEST(ResumableEnds, AreThoseOfThePathsByThemselves) {
  const Groups groups = make_groups({.attention = true, .window = true, .recurrent = true});
  constexpr std::size_t kDeepest = 120;
  std::minstd_rand random(1);
  Budget budget(std::size_t{16} << 20);
  // Parts of any edge [start, end) are those of a state that has seen `end` tokens.
  const auto part = [&](std::size_t group, std::size_t start, std::size_t end) {
    const auto state = groups[group]->resume({}, 0, budget);
    state->reserve(end).value();
    forward(*state, path_hashes(Path(end, 'x')));
    state->commit(end);
    return state->snapshot(start, end);
  };
  CacheTrie tree(groups);
  std::vector<Node*> nodes = {tree.trie().root()};
  for (Token next = 0; next < 200; ++next) {
    Node* const above = nodes[random() % 2 == 0 ? nodes.size() - 1 : random() % nodes.size()];
    const std::size_t start = above->end(), size = 1 + random() % 10;
    if (start + size > kDeepest) continue;
    Parts parts(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (random() % 20 != 0) parts[i] = part(i, start, start + size);
    }
    nodes.push_back(tree.append(above, Path(size, next), std::move(parts)));
  }
  ResumableEnds ends(groups);
  std::size_t resume = 0, visited = 0;
  tree.trie().walk([&](const Node& node) {
    if (node.is_root()) return true;
    const auto found = find_resumption(groups, path_parts(node, groups.size()), node.end());
    EXPECT_EQ(ends.visit(node), found.offset == node.end()) << node.end();
    std::size_t depth = 0;
    for (const Node* at = node.parent(); !at->is_root(); at = at->parent()) ++depth;
    EXPECT_EQ(ends.depth(), depth);
    resume += found.offset == node.end();
    ++visited;
    return true;
  });
  EXPECT_GT(resume, visited / 4);
  EXPECT_LT(resume, visited * 3 / 4);
}

}  // namespace
}  // namespace banyan
