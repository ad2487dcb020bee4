#include "kernels/attention_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace banyan::test {
namespace {

using kernels::AttentionPlan;
using kernels::AttentionShape;
using kernels::AttentionTask;
using kernels::SharedRun;

AttentionShape make_shape(int kv_heads, int group) {
  return {{.layers = 1, .kv_heads = kv_heads, .key_dim = 64, .value_dim = 64}, kv_heads * group, 1};
}

// Sequences of one row on a trunk, each with tokens of its own.
std::vector<SharedRun> on_trunk(int sequences) {
  std::vector<SharedRun> runs{{{nullptr, 4096, 0, 4096, 0}, 0, sequences}};
  for (int row = 0; row < sequences; ++row) runs.push_back({{nullptr, 64, 0, 64, 4096}, row, row + 1});
  return runs;
}

std::vector<std::int32_t> at_end(int rows) { return std::vector<std::int32_t>(rows, 4159); }

// How often each query row of each head attends to each token of its path, by position.
using Seen = std::map<std::pair<int, int>, std::vector<int>>;

Seen seen_in(const AttentionPlan& plan, int tokens) {
  Seen seen;
  for (const AttentionTask& task : plan.tasks()) {
    const auto& block = plan.blocks()[task.block];
    const bool is_cut = block.tasks > 1;
    const int begin = is_cut ? plan.nodes()[task.node_begin].piece_begin : block.piece_begin;
    const int end = is_cut ? plan.nodes()[task.node_end - 1].piece_end : block.piece_end;
    for (int piece = begin; piece < end; ++piece) {
      for (int i = plan.pieces()[piece].part_begin; i < plan.pieces()[piece].part_end; ++i) {
        const auto& part = plan.parts()[i];
        for (int row = part.row_begin; row < part.row_end; ++row) {
          std::vector<int>& counts = seen[{task.head, block.begin + row}];
          counts.resize(tokens);
          for (int t = part.run.begin; t < part.run.end; ++t)
            ++counts[part.run.position + t - part.run.begin];
        }
      }
    }
  }
  return seen;
}

TEST(AttentionPlanTest, EveryQueryRowOfEveryHeadAttendsToEveryTokenOnce) {
  for (const int kv_heads : {1, 3, 8}) {
    for (const int group : {1, 2, 7}) {
      for (const int rows : {1, 3, 40}) {
        for (const int threads : {1, 2, 3, 8, 20}) {
          const AttentionPlan plan(make_shape(kv_heads, group), on_trunk(rows), at_end(rows), threads);
          const Seen seen = seen_in(plan, 4160);
          EXPECT_EQ(seen.size(), kv_heads * group * rows);
          for (const auto& [row, counts] : seen) {
            ASSERT_TRUE(std::ranges::all_of(counts, [](int count) { return count == 1; }))
                << kv_heads << " heads, group " << group << ", " << rows << " rows, " << threads
                << " threads";
          }
          for (const auto& block : plan.blocks()) EXPECT_LE(block.end - block.begin, kernels::kBlockRows);
        }
      }
    }
  }
}

TEST(AttentionPlanTest, LeavesOutWhatNoRowOfABlockSees) {
  // A prefill at the end of its path, with a window.
  AttentionShape shape = make_shape(1, 1);
  shape.window = 100;
  const std::vector<SharedRun> runs{{{nullptr, 4096, 0, 4096, 0}, 0, 1000}};
  std::vector<std::int32_t> positions(1000);
  std::iota(positions.begin(), positions.end(), 3096);
  const AttentionPlan plan(shape, runs, positions, 2);
  for (const auto& block : plan.blocks()) {
    std::int32_t least = 4096, end = 0;
    for (int piece = block.piece_begin; piece < block.piece_end; ++piece) {
      for (int i = plan.pieces()[piece].part_begin; i < plan.pieces()[piece].part_end; ++i) {
        const auto& run = plan.parts()[i].run;
        EXPECT_EQ(run.begin, run.position);
        EXPECT_FALSE(plan.parts()[i].seen_by_all && run.position <= positions[block.end - 1] - 100);
        least = std::min(least, run.position);
        end = std::max(end, run.position + run.end - run.begin);
      }
    }
    EXPECT_EQ(least, positions[block.begin] - 99);
    EXPECT_EQ(end, positions[block.end - 1] + 1);
  }
}

TEST(AttentionPlanTest, PiecesEndAtFixedPositions) {
  const std::vector<SharedRun> runs{{{nullptr, 2048, 7, 1307, 0}, 0, 3}, {{nullptr, 64, 0, 30, 1300}, 0, 3}};
  for (const int threads : {1, 4}) {
    const AttentionPlan plan(make_shape(1, 1), runs, std::vector<std::int32_t>(3, 1329), threads);
    for (const auto& piece : plan.pieces()) {
      const auto first = plan.parts()[piece.part_begin].run;
      const auto last = plan.parts()[piece.part_end - 1].run;
      EXPECT_EQ(first.position % kernels::kPieceTokens, 0);
      const int end = last.position + last.end - last.begin;
      EXPECT_EQ(end, std::min(1330, first.position + kernels::kPieceTokens));
    }
  }
}

// The work of the busiest thread over the mean, when each takes a task after the other.
double imbalance(const AttentionPlan& plan, int threads) {
  std::vector<double> busy(threads);
  double all = 0;
  for (const AttentionTask& task : plan.tasks()) {
    *std::ranges::min_element(busy) += task.cost;
    all += task.cost;
  }
  return std::ranges::max(busy) * threads / all;
}

// A step of `rows` rows at the end of a path of `depth` tokens that they share, in segments of 256.
AttentionPlan plan_at_depth(const AttentionShape& shape, int rows, int depth, int threads) {
  std::vector<SharedRun> runs;
  for (int t = 0; t < depth; t += 256)
    runs.push_back({{nullptr, 256, 0, std::min(256, depth - t), t}, 0, rows});
  std::vector<std::int32_t> positions(rows);
  std::iota(positions.begin(), positions.end(), depth - rows);
  return AttentionPlan(shape, runs, positions, threads);
}

TEST(AttentionPlanTest, ScratchIsBoundedForAnyModelDepthAndThreads) {
  const std::pair<const char*, int> models[] = {{"0.47B", 16}, {"Qwen3-8B", 32}, {"70B", 64}};
  for (const auto& [name, query_heads] : models) {
    const AttentionShape shape{
        {.layers = 1, .kv_heads = 8, .key_dim = 128, .value_dim = 128}, query_heads, 1};
    for (const int rows : {1, 24, 512}) {
      for (const int depth : {32 << 10, 128 << 10, 1 << 20}) {
        for (const int threads : {1, 8, 16, 64, 128}) {
          const AttentionPlan plan = plan_at_depth(shape, rows, depth, threads);
          SCOPED_TRACE(testing::Message() << name << ", " << rows << " rows at " << depth << ", " << threads
                                          << " threads: " << (plan.scratch_bytes() >> 10) << " KiB");
          const std::size_t threads_bytes = plan.bytes_per_thread() * static_cast<std::size_t>(threads);
          EXPECT_LE(threads_bytes, kernels::kMostThreadScratch);
          EXPECT_LE(plan.scratch_bytes() - threads_bytes, kernels::kMostPartials);
          // And not at the cost of threads that wait.
          EXPECT_LE(imbalance(plan, threads), 1.25);
          if (threads == 1) {
            EXPECT_EQ(plan.scratch_bytes(), threads_bytes);
          }
        }
      }
    }
  }
}

TEST(AttentionPlanTest, ALongPathBesideShortOnesIsCutForItsRowsOnly) {
  // One row at the end of a long path, and a prompt of its own.
  const AttentionShape shape{{.layers = 1, .kv_heads = 8, .key_dim = 128, .value_dim = 128}, 64, 1};
  const int depth = 1 << 20;
  const std::vector<SharedRun> runs{{{nullptr, depth, 0, depth, 0}, 0, 1},
                                    {{nullptr, 511, 0, 511, 0}, 1, 512}};
  std::vector<std::int32_t> positions(512);
  positions[0] = depth - 1;
  std::iota(positions.begin() + 1, positions.end(), 0);
  for (const int threads : {8, 64, 128}) {
    const AttentionPlan plan(shape, runs, positions, threads);
    EXPECT_LE(plan.scratch_bytes(), kernels::kMostThreadScratch + kernels::kMostPartials);
    EXPECT_LE(imbalance(plan, threads), 1.25) << threads << " threads";
  }
}

TEST(AttentionPlanTest, KeepsAllThreadsBusy) {
  for (const int kv_heads : {1, 2, 3, 5, 8}) {
    for (const int threads : {2, 3, 4, 6, 8, 16}) {
      for (const int rows : {1, 32, 100}) {
        const AttentionPlan plan(make_shape(kv_heads, 4), on_trunk(rows), at_end(rows), threads);
        // A single row is not divided as finely.
        EXPECT_LE(imbalance(plan, threads), rows == 1 ? 1.5 : 1.25)
            << kv_heads << " heads, " << threads << " threads, " << rows << " rows";
      }
    }
  }
}

TEST(AttentionPlanTest, DoesNotReadAHeadTwiceWithoutNeed) {
  for (const int threads : {1, 2, 4, 8}) {
    const AttentionPlan plan(make_shape(8, 2), on_trunk(32), at_end(32), threads);
    EXPECT_EQ(plan.blocks().size(), 1) << threads << " threads";
  }
}

TEST(AttentionPlanTest, ALongPathIsForManyThreadsAndShortOnesAreForOne) {
  const AttentionPlan alone(make_shape(1, 4), on_trunk(1), at_end(1), 1);
  EXPECT_EQ(alone.tasks().size(), 1);
  const AttentionPlan divided(make_shape(1, 4), on_trunk(1), at_end(1), 4);
  EXPECT_EQ(divided.blocks().size(), 1);
  EXPECT_GT(divided.tasks().size(), 4);
}

TEST(AttentionPlanTest, TasksAreTakenOnceInALayerTheCostliestFirst) {
  AttentionPlan plan(make_shape(3, 2), on_trunk(5), at_end(5), 2);
  for (int layer = 0; layer < 3; ++layer) {
    for (const AttentionTask& task : plan.tasks()) {
      const AttentionTask* const taken = plan.take(2);
      ASSERT_EQ(taken, &task);
      EXPECT_LE(taken->cost, plan.tasks()[0].cost);
    }
    EXPECT_EQ(plan.take(2), nullptr);
    EXPECT_EQ(plan.take(2), nullptr);
  }
}

TEST(AttentionPlanTest, TheLastTaskOfABlockKnowsThatItIs) {
  AttentionPlan plan(make_shape(2, 1), on_trunk(1), at_end(1), 8);
  ASSERT_EQ(plan.blocks().size(), 1);
  ASSERT_GT(plan.blocks()[0].tasks, 1);
  for (int layer = 0; layer < 3; ++layer) {
    std::map<int, int> finished;  // by head
    for (const AttentionTask& task : plan.tasks()) {
      EXPECT_EQ(plan.finish(task), ++finished[task.head] == plan.blocks()[0].tasks);
    }
  }
}

}  // namespace
}  // namespace banyan::test
