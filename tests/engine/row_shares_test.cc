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

std::vector<std::size_t> share(std::vector<std::size_t> todo, std::size_t batch_tokens,
                               std::size_t prompt_rows = 100'000) {
  return share_rows(todo, batch_tokens, prompt_rows);
}

TEST(RowShares, APromptAloneGetsTheBatch) {
  EXPECT_THAT(share({1000}, 512), ElementsAre(512));
  EXPECT_THAT(share({100}, 512), ElementsAre(100));
  EXPECT_THAT(share({}, 512), IsEmpty());
}

TEST(RowShares, RepliesGoOnAndPromptsGetWhatTheyMay) {
  EXPECT_THAT(share({1, 1000, 1}, 512, 128), ElementsAre(1, 128, 1));
  EXPECT_THAT(share({1, 50, 1}, 512, 128), ElementsAre(1, 50, 1));
  EXPECT_THAT(share({1, 1000, 1}, 512, 0), ElementsAre(1, 0, 1));
  EXPECT_THAT(share({1, 1, 1000}, 3, 128), ElementsAre(1, 1, 1));
  EXPECT_THAT(share({1, 5000, 300}, 512, 128), ElementsAre(1, 32, 96));
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

TEST(RowShares, WhoHasToWaitGetsNoneAndHoldsNoOneUp) {
  EXPECT_THAT(share({0, 1, 0, 1000}, 512, 128), ElementsAre(0, 1, 0, 128));
  EXPECT_THAT(share({0, 1}, 1), ElementsAre(0, 1));
  EXPECT_THAT(share({0, 0}, 512), ElementsAre(0, 0));
}

TEST(RowShares, NeverMoreThanThereIs) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::size_t> todo(random() % 9);
    for (std::size_t& tokens : todo) tokens = 1 + random() % (random() % 2 ? 4 : 900);
    const std::size_t batch = 1 + random() % 600;
    const std::size_t prompt_rows = random() % 300;
    const bool only_prompts = !std::ranges::contains(todo, std::size_t{1});
    const std::vector<std::size_t> rows = share_rows(todo, batch, prompt_rows);
    ASSERT_EQ(rows.size(), todo.size());
    for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_LE(rows[i], todo[i]);
    const std::size_t total = std::accumulate(rows.begin(), rows.end(), std::size_t{0});
    ASSERT_LE(total, batch);
    ASSERT_EQ(total == 0, todo.empty() || (only_prompts && prompt_rows == 0));
    std::size_t of_prompts = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) of_prompts += todo[i] > 1 ? rows[i] : 0;
    ASSERT_LE(of_prompts, prompt_rows);
  }
}

TEST(RowShares, StepsHaveFewSizes) {
  EXPECT_EQ(round_prompt_rows(8, 60), 56u);
  EXPECT_EQ(round_prompt_rows(8, 56), 56u);
  EXPECT_EQ(round_prompt_rows(0, 100), 96u);
  for (std::size_t replies = 0; replies < 70; ++replies) {
    for (std::size_t wanted = 0; wanted < 600; ++wanted) {
      const std::size_t rows = round_prompt_rows(replies, wanted);
      ASSERT_EQ((replies + rows) % 8, 0u);
      ASSERT_GE(rows, 8u);
      ASSERT_LE(rows, std::max(wanted, std::size_t{15}));
    }
  }
}

TEST(RowShares, StepsOfPromptsAloneHaveFewSizesToo) {
  EXPECT_EQ(round_rows_alone(0, 512), 32u);
  EXPECT_EQ(round_rows_alone(100, 512), 96u);
  EXPECT_EQ(round_rows_alone(5000, 512), 512u);
  EXPECT_EQ(round_rows_alone(5000, 500), 500u);
  EXPECT_EQ(round_rows_alone(0, 3), 3u);
}

}  // namespace
}  // namespace banyan
