#include "kernels/attention_block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace banyan::test {
namespace {

using kernels::AttentionShape;
using kernels::RowBlock;
using kernels::SharedRun;

AttentionShape make_shape(int kv_heads, int group) {
  return {{.layers = 1, .kv_heads = kv_heads, .key_dim = 64, .value_dim = 64}, kv_heads * group, 1};
}

// Where these rows stand does not matter without a window.
std::vector<RowBlock> blocks(const AttentionShape& shape, std::span<const SharedRun> runs, int rows, int ith,
                             int nth) {
  return thread_blocks(shape, runs, std::vector<std::int32_t>(rows, 5000), ith, nth);
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
                 blocks(make_shape(kv_heads, group), on_trunk(rows), rows, ith, nth)) {
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
    for (const RowBlock& block : blocks(make_shape(kv_heads, group), on_trunk(rows), rows, ith, nth)) {
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
      EXPECT_EQ(blocks(make_shape(8, 2), on_trunk(32), 32, ith, nth).size(), 8 / nth);
    }
  }
}

TEST(ThreadBlocksTest, GiveThreadsTheSameWorkNotTheSameRows) {
  // A row with a long path of its own beside many with short ones.
  std::vector<SharedRun> runs{{{nullptr, 4096, 0, 4096, 0}, 0, 1}};
  for (int row = 1; row < 1025; ++row) runs.push_back({{nullptr, 64, 0, 4, 0}, row, row + 1});
  const auto first = blocks(make_shape(1, 1), runs, 1025, 0, 2);
  const auto second = blocks(make_shape(1, 1), runs, 1025, 1, 2);
  EXPECT_LT(first.size(), second.size());
}

TEST(ThreadBlocksTest, CountOnlyWhatAWindowLetsRowsSee) {
  // Two prefills of which the second is on a long path, all but the last of it out of the window.
  AttentionShape shape = make_shape(1, 1);
  shape.window = 64;
  const std::vector<SharedRun> runs{{{nullptr, 512, 0, 512, 0}, 0, 512},
                                    {{nullptr, 8192, 0, 8192, 0}, 512, 1024}};
  std::vector<std::int32_t> positions(1024);
  std::iota(positions.begin(), positions.begin() + 512, 0);
  std::iota(positions.begin() + 512, positions.end(), 8192 - 512);
  EXPECT_EQ(thread_blocks(shape, runs, positions, 0, 2).size(), 4);
  EXPECT_EQ(thread_blocks(shape, runs, positions, 1, 2).size(), 4);
}

}  // namespace
}  // namespace banyan::test
