#include "engine/row_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace banyan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::size_t> share(std::vector<std::size_t> todo, std::size_t batch_tokens) {
  return share_rows(todo, batch_tokens);
}

TEST(RowShares, APromptAloneGetsTheBatch) {
  EXPECT_THAT(share({1000}, 512), ElementsAre(512));
  EXPECT_THAT(share({100}, 512), ElementsAre(100));
  EXPECT_THAT(share({}, 512), IsEmpty());
}

TEST(RowShares, RepliesGoOnAndLeaveAQuarterToPrompts) {
  EXPECT_THAT(share({1, 1000, 1}, 512), ElementsAre(1, 128, 1));
  EXPECT_THAT(share({1, 50, 1}, 512), ElementsAre(1, 50, 1));
  EXPECT_THAT(share({1, 1, 1000}, 3), ElementsAre(1, 1, 1));
}

TEST(RowShares, AShortPromptDoesNotWaitForALongOne) {
  EXPECT_THAT(share({5000, 100}, 512), ElementsAre(412, 100));
  EXPECT_THAT(share({5000, 400, 100}, 512), ElementsAre(128, 284, 100));
}

TEST(RowShares, OfEqualPromptsTheOldestIsDoneFirst) {
  EXPECT_THAT(share({300, 300, 300}, 512), ElementsAre(300, 212, 0));
}

TEST(RowShares, TheOldestPromptAlwaysMoves) {
  EXPECT_THAT(share({5000, 200, 200, 200}, 512), ElementsAre(128, 200, 184, 0));
}

TEST(RowShares, WhatDoesNotFitGoesToTheOldest) { EXPECT_THAT(share({1, 1, 1}, 2), ElementsAre(1, 1, 0)); }

TEST(RowShares, NeverMoreThanThereIs) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::size_t> todo(random() % 9);
    for (std::size_t& tokens : todo) tokens = 1 + random() % (random() % 2 ? 4 : 900);
    const std::size_t batch = 1 + random() % 600;
    const std::vector<std::size_t> rows = share_rows(todo, batch);
    ASSERT_EQ(rows.size(), todo.size());
    for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_LE(rows[i], todo[i]);
    const std::size_t total = std::accumulate(rows.begin(), rows.end(), std::size_t{0});
    ASSERT_LE(total, batch);
    ASSERT_EQ(total == 0, todo.empty());
  }
}

}  // namespace
}  // namespace banyan
