#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "banyan/attention_state.h"
#include "state/attention_tools.h"

namespace banyan::test {
namespace {

using testing::ElementsAre;

constexpr std::size_t kPlenty = std::size_t{256} << 20;

StoredPath make_stored(std::size_t tokens, Budget& budget) {
  LivePath path = start(budget);
  extend(path, new_names(tokens), budget);
  return store(path, std::vector<std::size_t>{tokens});
}

// Evaluates one new token of each path together, which is not kept.
std::size_t probe(std::span<LivePath* const> paths, Budget& budget) {
  std::vector<Step> steps;
  for (LivePath* const path : paths) {
    path->state->reserve(1).value();
    steps.push_back({path, new_names(1), 0});
  }
  return evaluate(steps, budget);
}

TEST(AttentionBatchTest, ReadsATrunkOnceForAllSequencesOnIt) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_stored(500, budget);
  std::vector<LivePath> paths;
  std::vector<LivePath*> all;
  for (int s = 0; s < 8; ++s) {
    paths.push_back(resume(trunk, 500, budget));
    extend(paths.back(), new_names(10 + s), budget);
  }
  for (LivePath& path : paths) all.push_back(&path);
  EXPECT_EQ(probe(all, budget), 500 + (10 + 17) * 8 / 2 + 8);
}

TEST(AttentionBatchTest, ReadsWhatSomeShareOnceForThose) {
  Budget budget(kPlenty);
  LivePath a = start(budget);
  extend(a, new_names(100), budget);
  const StoredPath trunk = store(a, std::vector<std::size_t>{40, 100});
  LivePath b = resume(trunk, 100, budget);  // shares 100
  LivePath c = resume(trunk, 70, budget);   // shares 70
  LivePath d = resume(trunk, 70, budget);
  LivePath e = start(budget);
  EXPECT_EQ(probe(std::vector<LivePath*>{&a, &b, &c, &d, &e}, budget), 100 + 5);
  EXPECT_EQ(probe(std::vector<LivePath*>{&e, &c, &d, &b, &a}, budget), 100 + 5);
  // Right all the same when they are not neighbours, but read twice.
  EXPECT_EQ(probe(std::vector<LivePath*>{&a, &e, &b}, budget), 200 + 3);
}

TEST(AttentionBatchTest, OrderMakesThoseOnATrunkNeighbours) {
  Budget budget(kPlenty);
  const StoredPath left = make_stored(100, budget);
  const StoredPath right = make_stored(100, budget);
  std::vector<LivePath> paths;
  for (int s = 0; s < 3; ++s) {
    paths.push_back(resume(left, 100, budget));
    paths.push_back(resume(right, 60, budget));
    paths.push_back(resume(left, 30, budget));
  }
  std::vector<const SegmentPath*> unordered;
  for (const LivePath& path : paths) {
    ASSERT_TRUE(path.state->reserve(1));
    unordered.push_back(&path.path());
  }
  std::vector<LivePath*> ordered;
  for (const std::size_t i : AttentionBatch::order(unordered)) ordered.push_back(&paths[i]);
  ASSERT_EQ(ordered.size(), 9);
  for (const LivePath& path : paths) path.state->commit(0);
  EXPECT_EQ(probe(ordered, budget), 100 + 60 + 9);
}

TEST(AttentionBatchTest, PathsMayRunThroughASegmentInAnyWay) {
  Budget budget(kPlenty);
  LivePath whole = start(budget);
  extend(whole, new_names(60), budget);
  const std::shared_ptr<Segment> segment = whole.path().views()[0].segment;
  const auto path = [&](std::initializer_list<std::pair<int, int>> ranges) {
    StoredPath stored;
    for (const auto& [begin, end] : ranges) {
      const AttentionState piece(kLayout, budget, {{segment, begin, end}});
      const std::size_t from = stored.names.size();
      stored.names.insert(stored.names.end(), whole.names.begin() + begin, whole.names.begin() + end);
      stored.nodes.push_back({piece.snapshot(0, end - begin), from, stored.names.size()});
    }
    return resume(stored, stored.names.size(), budget);
  };
  std::vector<LivePath> paths;
  paths.push_back(path({{20, 40}}));
  paths.push_back(path({{0, 10}, {30, 50}}));
  paths.push_back(path({{20, 31}, {3, 7}}));
  paths.push_back(path({{0, 10}, {5, 25}}));
  std::vector<const SegmentPath*> unordered;
  std::vector<LivePath*> ordered;
  for (const LivePath& one : paths) unordered.push_back(&one.path());
  for (const std::size_t i : AttentionBatch::order(unordered)) ordered.push_back(&paths[i]);
  // The second path stands at token 30 when the first and the third do.
  EXPECT_EQ(probe(ordered, budget), 20 + 4 + 10 + 20 + 20 - 1 + 4);
}

TEST(AttentionBatchTest, MixesPrefillAndDecode) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_stored(150, budget);
  LivePath a = resume(trunk, 150, budget);
  LivePath b = resume(trunk, 100, budget);
  LivePath c = start(budget);
  std::vector<Step> steps;
  for (const auto& [path, count] : {std::pair(&a, 1), std::pair(&b, 90), std::pair(&c, 70)}) {
    path->state->reserve(count).value();
    steps.push_back({path, new_names(count), static_cast<std::size_t>(count)});
  }
  EXPECT_EQ(evaluate(steps, budget), 150 + 1 + 90 + 70);
  EXPECT_EQ(probe(std::vector<LivePath*>{&a, &b, &c}, budget), 150 + 1 + 90 + 70 + 3);
}

TEST(AttentionBatchTest, RowsStandWhereTheirPathsEnd) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_stored(20, budget);
  LivePath a = resume(trunk, 20, budget);
  LivePath b = resume(trunk, 7, budget);
  ASSERT_TRUE(a.state->reserve(3));
  ASSERT_TRUE(b.state->reserve(3));  // one more than is evaluated
  const std::vector<AttentionBatch::Sequence> sequences{{&a.path(), 3}, {&b.path(), 2}};
  AttentionScratch scratch(budget);
  const auto batch = AttentionBatch::create(sequences, {.query_heads = 2}, 1, scratch).value();
  EXPECT_EQ(batch->rows(), 5);
  EXPECT_THAT(batch->positions(), ElementsAre(20, 21, 22, 7, 8));
  EXPECT_EQ(batch->tokens_read(), 20 + 3 + 2);
}

class AttentionScratchTest : public testing::Test {
 protected:
  AttentionScratchTest() { state_.reserve(1).value(); }

  // What a batch of one row for so many threads needs.
  std::size_t wanted(int threads) {
    AttentionScratch scratch(budget_);
    create(threads, scratch).value();
    return scratch.bytes();
  }
  Result<std::unique_ptr<AttentionBatch>> create(int threads, AttentionScratch& scratch) {
    const AttentionBatch::Sequence sequence{&state_.path(), 1};
    return AttentionBatch::create({&sequence, 1}, {.query_heads = 4}, threads, scratch);
  }

  Budget budget_{kPlenty};
  AttentionState state_{kLayout, budget_};
};

TEST_F(AttentionScratchTest, IsChargedOnceAndKeptFromBatchToBatch) {
  const std::size_t before = budget_.used();
  {
    AttentionScratch scratch(budget_);
    EXPECT_EQ(scratch.bytes(), 0);
    std::size_t most = 0;
    for (const int threads : {2, 1, 8, 2}) {
      most = std::max(most, wanted(threads));
      const auto first = create(threads, scratch).value();
      const auto second = create(1, scratch).value();
      EXPECT_EQ(scratch.bytes(), most);
      EXPECT_EQ(budget_.used(), before + most);
    }
    EXPECT_EQ(budget_.used(), before + wanted(8));
  }
  EXPECT_EQ(budget_.used(), before);
}

TEST_F(AttentionScratchTest, GivesBackWhatNoBatchNeededForLong) {
  AttentionScratch scratch(budget_);
  create(8, scratch).value();
  for (int batch = 0; batch < 1000; ++batch) create(batch % 100 == 0 ? 5 : 1, scratch).value();
  EXPECT_EQ(scratch.bytes(), wanted(8)) << "more than half of it is used from time to time";
  for (int batch = 0; batch < 512; ++batch) create(batch % 100 == 0 ? 2 : 1, scratch).value();
  EXPECT_EQ(scratch.bytes(), wanted(2));
}

TEST_F(AttentionScratchTest, IsRefusedWithoutRoomAndTakenWhenThereIs) {
  Budget tight(wanted(3));
  AttentionScratch scratch(tight);
  EXPECT_TRUE(create(2, scratch));
  const auto refused = create(4, scratch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::out_of_memory);
  EXPECT_TRUE(create(3, scratch)) << "the old and the new need not fit together";
  EXPECT_EQ(tight.used(), tight.limit());
}

TEST(AttentionBatchTest, RefusesRowsThatAreNotReserved) {
  Budget budget(kPlenty);
  AttentionState state(kLayout, budget);
  ASSERT_TRUE(state.reserve(2));
  AttentionScratch scratch(budget);
  const auto create = [&](int rows, int query_heads) {
    const AttentionBatch::Sequence sequence{&state.path(), rows};
    return AttentionBatch::create({&sequence, 1}, {.query_heads = query_heads}, 1, scratch);
  };
  EXPECT_THROW((void)create(3, 2), Misuse);
  EXPECT_THROW((void)create(0, 2), Misuse);
  EXPECT_THROW((void)create(1, 3), Misuse);
  EXPECT_THROW((void)AttentionBatch::create({}, {.query_heads = 2}, 1, scratch), Misuse);
}

// What threads write and read together, for the thread sanitizer; and whether it is the same.
TEST(AttentionBatchTest, AnyNumberOfThreadsComputesTheSame) {
  Budget budget(kPlenty);
  const StoredPath trunk = make_stored(200, budget);
  std::vector<LivePath> paths;
  std::vector<AttentionBatch::Sequence> sequences;
  for (int s = 0; s < 5; ++s) {
    paths.push_back(resume(trunk, 200 - 30 * s, budget));
    ASSERT_TRUE(paths.back().state->reserve(s + 1));
    sequences.push_back({&paths.back().path(), s + 1});
  }
  std::mt19937 random(1);
  const auto floats = [&](std::size_t count) {
    std::vector<float> result(count);
    for (float& element : result) element = std::uniform_real_distribution<float>(-1, 1)(random);
    return result;
  };
  const int query_heads = 2 * kLayout.kv_heads;
  std::vector<float> first;
  const auto keys = floats(15 * kLayout.kv_heads * kLayout.key_dim);
  const auto values = floats(15 * kLayout.kv_heads * kLayout.value_dim);
  const auto q = floats(15 * query_heads * kLayout.key_dim);
  for (const int threads : {1, 2, 3, 7}) {
    AttentionScratch scratch(budget);
    const auto batch =
        AttentionBatch::create(sequences, {.query_heads = query_heads, .scale = 0.3f}, threads, scratch)
            .value();
    std::vector<float> out(15 * query_heads * kLayout.value_dim, NAN);
    const auto on_all = [&](auto&& work) {
      std::vector<std::jthread> running;
      for (int ith = 0; ith < threads; ++ith) running.emplace_back([&work, ith] { work(ith); });
    };
    on_all([&](int ith) {
      batch->append(1, keys.data(), values.data(), kLayout.kv_heads * kLayout.value_dim, ith, threads);
    });
    on_all([&](int ith) { batch->attend(1, q.data(), nullptr, out.data(), ith, threads); });
    if (first.empty()) first = out;
    EXPECT_EQ(out, first) << threads << " threads";
  }
}

}  // namespace
}  // namespace banyan::test
