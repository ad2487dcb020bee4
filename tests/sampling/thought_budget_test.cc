#include "sampling/thought_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/shipped_model.h"

namespace banyan {
namespace {

const std::string kBegin = "<think>\n", kEnd = "\n</think>\n\n";

ThoughtBudget budget_of(int tokens, bool is_open = true, const std::string& end = kEnd) {
  return ThoughtBudget::create(shipped_vocabulary(),
                               {.tokens = tokens, .begin = kBegin, .end = end, .is_open = is_open})
      .value();
}

// Says words until the budget forces a token. How many, at most `most`.
int words_until_forced(ThoughtBudget& budget, int most = 100) {
  int words = 0;
  for (; words < most && !budget.forced(); ++words) budget.accept(1000, " word");
  return words;
}

// Says what is forced.
std::string forced_text(ThoughtBudget& budget) {
  std::string text;
  for (int i = 0; i < 50; ++i) {
    const std::optional<Token> token = budget.forced();
    if (!token) break;
    const std::string piece = shipped_vocabulary().piece(*token, true);
    budget.accept(*token, piece);
    text += piece;
  }
  return text;
}

TEST(ThoughtBudget, EndsAThoughtAfterSoManyTokens) {
  for (const int tokens : {0, 1, 7}) {
    ThoughtBudget budget = budget_of(tokens);
    EXPECT_EQ(words_until_forced(budget), tokens);
    EXPECT_EQ(forced_text(budget), kEnd);
    EXPECT_EQ(words_until_forced(budget), 100) << "the rest of the reply is free";
  }
}

TEST(ThoughtBudget, AThoughtThatEndsByItselfIsLeftAlone) {
  ThoughtBudget budget = budget_of(4);
  EXPECT_EQ(words_until_forced(budget, 2), 2);
  budget.accept(1, "</thi");
  budget.accept(2, "nk>");
  EXPECT_EQ(words_until_forced(budget), 100);
}

TEST(ThoughtBudget, CountsFromWhereAThoughtIsOpened) {
  ThoughtBudget budget = budget_of(3, false);
  EXPECT_EQ(words_until_forced(budget, 10), 10);
  budget.accept(1, "x <thi");
  budget.accept(2, "nk>\n");
  EXPECT_EQ(words_until_forced(budget), 3);
  EXPECT_EQ(forced_text(budget), kEnd);
}

TEST(ThoughtBudget, CountsTheTokenThatOpensAThoughtAndHoldsSomeOfIt) {
  for (const int tokens : {1, 3}) {
    ThoughtBudget budget = budget_of(tokens, false);
    budget.accept(1, "<thi");
    budget.accept(2, "nk> we");
    EXPECT_EQ(words_until_forced(budget), tokens - 1);
    EXPECT_EQ(forced_text(budget), kEnd);
  }
}

TEST(ThoughtBudget, IsOfAllThoughtsTogether) {
  ThoughtBudget budget = budget_of(5);
  EXPECT_EQ(words_until_forced(budget, 3), 3);
  budget.accept(1, "</think>");
  budget.accept(2, "<think>");
  EXPECT_EQ(words_until_forced(budget), 1);
  EXPECT_EQ(forced_text(budget), kEnd);
  budget.accept(2, "<think>");
  EXPECT_EQ(words_until_forced(budget), 0);
  EXPECT_EQ(forced_text(budget), kEnd);
}

TEST(ThoughtBudget, OneTokenMayOpenAndEndThoughts) {
  ThoughtBudget budget = budget_of(0, false);
  budget.accept(1, "<think></think> and <think></think>");
  EXPECT_FALSE(budget.forced());
  budget.accept(1, "<think></think> and <think>");
  EXPECT_TRUE(budget.forced());
}

TEST(ThoughtBudget, MayLookForThoughtsWhereNothingWasSaid) {
  const auto budget = [] {
    return ThoughtBudget::create(shipped_vocabulary(),
                                 {.tokens = 0, .begin = kBegin, .end = kEnd, .begins_first = true})
        .value();
  };
  ThoughtBudget thinking = budget();
  thinking.accept(1, "\n");
  thinking.accept(1, " <thi");
  thinking.accept(1, "nk>");
  EXPECT_EQ(forced_text(thinking), kEnd);
  thinking.accept(1, "\n<think>");
  EXPECT_TRUE(thinking.forced()) << "one thought behind the other";

  ThoughtBudget speaking = budget();
  speaking.accept(1, "Models write <think> first.");
  EXPECT_FALSE(speaking.forced());
  speaking.accept(1, "<think>");
  EXPECT_FALSE(speaking.forced());

  ThoughtBudget both = budget();
  both.accept(1, "<think></think> Say ");
  both.accept(1, "<think>");
  EXPECT_FALSE(both.forced());
}

TEST(ThoughtBudget, WithoutABeginningThereIsOneThoughtAtMost) {
  ThoughtBudget budget =
      ThoughtBudget::create(shipped_vocabulary(), {.tokens = 2, .end = kEnd, .is_open = true}).value();
  EXPECT_EQ(words_until_forced(budget), 2);
  EXPECT_EQ(forced_text(budget), kEnd);
  EXPECT_EQ(words_until_forced(budget), 100);
}

TEST(ThoughtBudget, ACharacterIsNotCut) {
  ThoughtBudget budget = budget_of(1);
  budget.accept(1, "\xE2");
  EXPECT_FALSE(budget.forced());
  budget.accept(1, "\x82");
  EXPECT_FALSE(budget.forced());
  budget.accept(1, "\xAC");
  EXPECT_TRUE(budget.forced());

  ThoughtBudget broken = budget_of(1);
  for (int i = 0; i < 3; ++i) {
    broken.accept(1, "\xE2");
    EXPECT_FALSE(broken.forced());
  }
  broken.accept(1, "\xE2");
  EXPECT_TRUE(broken.forced()) << "no character has so many bytes";
}

// A grammar does not let it through.
TEST(ThoughtBudget, WhatCannotBeForcedIsTriedAgain) {
  ThoughtBudget budget = budget_of(0);
  const Token first = budget.forced().value();
  budget.accept(1000, " word");
  EXPECT_EQ(budget.forced(), first);
  budget.accept(first, shipped_vocabulary().piece(first, true));
  EXPECT_NE(budget.forced(), first);
  budget.accept(1000, " word");
  EXPECT_EQ(budget.forced(), first);
  EXPECT_EQ(forced_text(budget), kEnd);
}

TEST(ThoughtBudget, TheEndMayBeAControlToken) {
  ThoughtBudget budget = budget_of(0, true, "<|im_start|>");
  EXPECT_EQ(budget.forced(), shipped_vocabulary().tokenize("<|im_start|>", false, true).at(0));
  EXPECT_EQ(forced_text(budget), "<|im_start|>");
}

TEST(ThoughtBudget, MayBeWithoutBounds) {
  ThoughtBudget budget = budget_of(std::numeric_limits<int>::max());
  EXPECT_EQ(words_until_forced(budget), 100);
}

TEST(ThoughtBudget, RefusesMarksThatCannotBe) {
  const auto field = [](const ThoughtLimit& limit) {
    const auto budget = ThoughtBudget::create(shipped_vocabulary(), limit);
    return budget ? "" : budget.error().field;
  };
  EXPECT_EQ(field({.tokens = 1}), "thought");
  EXPECT_EQ(field({.tokens = 1, .end = "\n"}), "thought");
  EXPECT_EQ(field({.tokens = 1, .end = std::string(2000, 'a')}), "thought");
  EXPECT_EQ(field({.tokens = 1, .begin = std::string(2000, 'a'), .end = "a"}), "thought");
  EXPECT_EQ(field({.tokens = 1, .begin = "\n", .end = "a"}), "");
}

}  // namespace
}  // namespace banyan
