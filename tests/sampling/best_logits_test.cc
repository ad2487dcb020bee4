#include "sampling/best_logits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace banyan {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<llama_token> best(const std::vector<float>& logits, std::size_t count) {
  std::vector<llama_token_data> found;
  find_best_logits(logits, count, found);
  std::vector<llama_token> ids;
  for (const llama_token_data& candidate : found) {
    EXPECT_EQ(candidate.logit, logits[static_cast<std::size_t>(candidate.id)]);
    ids.push_back(candidate.id);
  }
  return ids;
}

std::vector<llama_token> best_of_sorted(const std::vector<float>& logits, std::size_t count) {
  std::vector<llama_token> ids;
  for (std::size_t i = 0; i < logits.size(); ++i) ids.push_back(static_cast<llama_token>(i));
  std::ranges::stable_sort(ids, std::greater(),
                           [&](llama_token id) { return logits[static_cast<std::size_t>(id)]; });
  ids.resize(std::min(count, ids.size()));
  return ids;
}

TEST(BestLogits, AreThoseOfTheSortedVocabulary) {
  std::mt19937 random(2);
  for (const std::size_t size : {1, 15, 16, 17, 127, 128, 129, 1000, 5000}) {
    for (const bool many_equal : {false, true}) {
      std::vector<float> logits(size);
      std::normal_distribution<float> normal(0, 3);
      for (float& logit : logits) logit = many_equal ? std::round(normal(random)) : normal(random);
      for (const std::size_t count : {0, 1, 2, 40, 200, 6000}) {
        ASSERT_EQ(best(logits, count), best_of_sorted(logits, count)) << count << " of " << size;
      }
    }
  }
}

TEST(BestLogits, WhatIsRuledOutComesLast) {
  std::vector<float> logits(3000, -kInfinity);
  logits[2999] = -5;
  logits[64] = kInfinity;
  EXPECT_THAT(best(logits, 4), ::testing::ElementsAre(64, 2999, 0, 1));
}

TEST(BestLogits, ANumberThatIsNoneIsFound) {
  std::vector<float> logits(3000, -kInfinity);
  EXPECT_FALSE(any_is_nan(logits));
  for (const std::size_t place : {std::size_t{0}, std::size_t{1501}, std::size_t{2999}}) {
    std::vector<float> spoilt = logits;
    spoilt[place] = std::nanf("");
    EXPECT_TRUE(any_is_nan(spoilt));
  }
}

}  // namespace
}  // namespace banyan
