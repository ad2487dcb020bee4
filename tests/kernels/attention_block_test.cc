#include "kernels/attention_block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace banyan::test {
namespace {

using kernels::AttentionShape;
using kernels::RowBlock;
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

TEST(ThreadBlocksTest, CoverEveryQueryRowOfEveryHeadOnce) {
  for (const int kv_heads : {1, 2, 3, 8}) {
    for (const int group : {1, 2, 7}) {
      for (const int rows : {1, 3, 40, 300}) {
        for (const int nth : {1, 2, 3, 8, 20}) {
          std::vector<int> covered(kv_heads * rows * group, 0);
          for (int ith = 0; ith < nth; ++ith) {
            for (const RowBlock& block :
                 thread_blocks(make_shape(kv_heads, group), on_trunk(rows), rows, ith, nth)) {
              EXPECT_LE(block.end - block.begin, kernels::kBlockRows);
              for (int row = block.begin; row < block.end; ++row) ++covered[block.head * rows * group + row];
            }
          }
          EXPECT_TRUE(std::ranges::all_of(covered, [](int count) { return count == 1; }))
              << kv_heads << " heads, group " << group << ", " << rows << " rows, " << nth << " threads";
        }
      }
    }
  }
}

// Query rows that the busiest thread works on, over the mean.
double imbalance(int kv_heads, int group, int rows, int nth) {
  int most = 0;
  for (int ith = 0; ith < nth; ++ith) {
    int mine = 0;
    for (const RowBlock& block : thread_blocks(make_shape(kv_heads, group), on_trunk(rows), rows, ith, nth)) {
      mine += block.end - block.begin;
    }
    most = std::max(most, mine);
  }
  return static_cast<double>(most) * nth / (kv_heads * rows * group);
}

TEST(ThreadBlocksTest, AreAboutTheSameForEveryThread) {
  for (const int kv_heads : {1, 2, 3, 5, 8}) {
    for (const int nth : {2, 3, 4, 6, 8, 16}) {
      for (const int rows : {32, 100}) {
        EXPECT_LE(imbalance(kv_heads, 4, rows, nth), 1.5) << kv_heads << " heads, " << nth << " threads";
      }
    }
  }
}

TEST(ThreadBlocksTest, DoNotSplitTheRowsOfAHeadWithoutNeed) {
  for (const int nth : {1, 2, 4, 8}) {
    for (int ith = 0; ith < nth; ++ith) {
      const auto blocks = thread_blocks(make_shape(8, 2), on_trunk(32), 32, ith, nth);
      EXPECT_EQ(blocks.size(), 8 / nth);
    }
  }
}

TEST(ThreadBlocksTest, GiveThreadsTheSameWorkNotTheSameRows) {
  // A row with a long path of its own beside many with short ones.
  std::vector<SharedRun> runs{{{nullptr, 4096, 0, 4096, 0}, 0, 1}};
  for (int row = 1; row < 1025; ++row) runs.push_back({{nullptr, 64, 0, 4, 0}, row, row + 1});
  const auto first = thread_blocks(make_shape(1, 1), runs, 1025, 0, 2);
  const auto second = thread_blocks(make_shape(1, 1), runs, 1025, 1, 2);
  EXPECT_LT(first.size(), second.size());
}

}  // namespace
}  // namespace banyan::test
