#include "cache/node_snapshot.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "banyan/attention_state.h"
#include "banyan/recurrent_state.h"
#include "banyan/window_state.h"
#include "cache/fake_model.h"

namespace banyan {
namespace {

/// Two groups: attention and recurrent.
class NodeSnapshotTest : public testing::Test {
 protected:
  NodeSnapshotTest() {
    EXPECT_TRUE(attention_.reserve(10));
    attention_.commit(10);
  }

  std::unique_ptr<StatePart> attention(std::size_t from, std::size_t to) {
    return attention_.snapshot(from, to);
  }

  std::unique_ptr<StatePart> point() {
    RecurrentState state(kTestRecurrentLayout, budget_);
    EXPECT_TRUE(state.reserve(1));
    forward(state, path_hashes(ids("x")));
    state.commit(1);
    return state.snapshot(0, 1);
  }

  static std::unique_ptr<NodeSnapshot> make(std::unique_ptr<StatePart> attention,
                                            std::unique_ptr<StatePart> point) {
    Parts parts;
    parts.push_back(std::move(attention));
    parts.push_back(std::move(point));
    return std::make_unique<NodeSnapshot>(std::move(parts));
  }

  const std::size_t kToken = kTestLayout.bytes_per_token();
  Budget budget_{1 << 20};
  AttentionState attention_{kTestLayout, budget_};
};

TEST_F(NodeSnapshotTest, BytesAreTheSumOfItsParts) {
  EXPECT_EQ(make(nullptr, nullptr)->bytes(), 0u);
  EXPECT_EQ(make(attention(0, 3), nullptr)->bytes(), 3 * kToken);
  EXPECT_EQ(make(attention(0, 3), point())->bytes(), 3 * kToken + kTestRecurrentLayout.bytes());
}

TEST_F(NodeSnapshotTest, SplitIsDoneGroupByGroup) {
  const auto back = make(attention(0, 10), point());
  const std::unique_ptr<Snapshot> front = back->split_front(4);
  EXPECT_EQ(front->bytes(), 4 * kToken) << "the other state stays whole with the child";
  EXPECT_EQ(back->bytes(), 6 * kToken + kTestRecurrentLayout.bytes());
}

TEST_F(NodeSnapshotTest, SplitOfNothingIsASnapshotOfNothing) {
  const std::unique_ptr<Snapshot> front = make(nullptr, nullptr)->split_front(4);
  ASSERT_NE(front, nullptr);
  EXPECT_EQ(front->bytes(), 0u);
}

TEST_F(NodeSnapshotTest, MergeKeepsWhatSpansTheJoinedEdge) {
  const auto child = make(attention(4, 10), point());
  child->merge_front(make(attention(0, 4), point()).get());
  EXPECT_EQ(child->bytes(), 10 * kToken + kTestRecurrentLayout.bytes());
  const auto bare = make(nullptr, nullptr);
  bare->merge_front(make(attention(0, 4), point()).get());
  EXPECT_EQ(bare->bytes(), 0u);
}

TEST_F(NodeSnapshotTest, MergesFreelyOnlyIfNoGroupLosesAnything) {
  const auto child = make(attention(4, 10), point());
  EXPECT_TRUE(make(attention(0, 4), nullptr)->merges_freely(*child));
  EXPECT_TRUE(make(nullptr, nullptr)->merges_freely(*child));
  EXPECT_FALSE(make(attention(0, 4), point())->merges_freely(*child)) << "its point would be lost";
  EXPECT_FALSE(make(attention(0, 4), nullptr)->merges_freely(*make(nullptr, point())))
      << "its keys and values would be lost";
}

TEST_F(NodeSnapshotTest, CompleteFillsWhatIsMissingAndLeavesTheRest) {
  const auto snapshot = make(attention(0, 4), nullptr);
  Parts parts(2);
  parts[1] = point();
  snapshot->complete(std::move(parts));
  EXPECT_EQ(snapshot->bytes(), 4 * kToken + kTestRecurrentLayout.bytes());
  const auto state = [&] {
    const void* visited = nullptr;
    snapshot->parts()[1]->visit_allocations([&](const void* id, std::size_t) { visited = id; });
    return visited;
  };
  const void* const kept = state();
  Parts again(2);
  again[0] = attention(0, 4);
  again[1] = point();
  snapshot->complete(std::move(again));
  EXPECT_EQ(snapshot->bytes(), 4 * kToken + kTestRecurrentLayout.bytes());
  EXPECT_EQ(state(), kept);
}

TEST(NodeSnapshotOfAWindow, CompleteGoesIntoTheParts) {
  // What one session has let go of, another captured.
  Budget budget(1 << 20);
  const auto part_of = [&](std::size_t captured) {
    WindowState state(kTestLayout, kTestWindow, budget);
    state.schedule_capture(captured);
    EXPECT_TRUE(state.reserve(40));
    state.commit(40);
    return state.snapshot(0, 20);
  };
  const auto one = [](std::unique_ptr<StatePart> part) {
    Parts parts;
    parts.push_back(std::move(part));
    return parts;
  };
  const std::size_t token = kTestLayout.bytes_per_token();
  NodeSnapshot snapshot(one(part_of(30)));
  EXPECT_EQ(snapshot.bytes(), 0u);
  snapshot.complete(one(part_of(20)));
  EXPECT_EQ(snapshot.bytes(), kTestWindow * token);
}

}  // namespace
}  // namespace banyan
