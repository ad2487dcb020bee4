#include "sampling/grammar_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

#include "support/shipped_model.h"

namespace banyan {
namespace {

const Vocabulary& vocabulary() { return shipped_vocabulary(); }

// The token of exactly this text.
Token token_of(const std::string& text) {
  for (Token token = 0; token < vocabulary().size(); ++token) {
    if (vocabulary().piece(token, true) == text) return token;
  }
  ADD_FAILURE() << "no token is \"" << text << '"';
  return 0;
}

GrammarFilter filter_of(const std::string& grammar, std::vector<std::string> triggers = {},
                        bool special_text = false) {
  return GrammarFilter::create(vocabulary(), {.grammar = grammar, .grammar_triggers = std::move(triggers)},
                               special_text)
      .value();
}

// Goes on with tokens of these texts. Whether all fit.
bool take(GrammarFilter& filter, std::initializer_list<const char*> texts) {
  for (const char* text : texts) {
    const Token token = token_of(text);
    if (!filter.fits(token)) return false;
    filter.accept(token);
  }
  return true;
}

bool may_end(GrammarFilter& filter) { return filter.fits(token_of("<|im_end|>")); }

TEST(GrammarFilter, WithoutATriggerTheGrammarHoldsFromTheStart) {
  GrammarFilter filter = filter_of(R"(root ::= "no")");
  EXPECT_FALSE(filter.fits(token_of("user")));
  EXPECT_FALSE(may_end(filter));
  EXPECT_TRUE(take(filter, {"n", "o"}));
  EXPECT_TRUE(may_end(filter));
  EXPECT_FALSE(filter.fits(token_of("n")));
}

TEST(GrammarFilter, UntilATriggerAllTokensFit) {
  GrammarFilter filter = filter_of(R"(root ::= "{" "no" "}")", {"{"});
  EXPECT_TRUE(take(filter, {"user", "<|im_start|>", "}", "n"}));
  EXPECT_TRUE(may_end(filter));
  EXPECT_TRUE(take(filter, {"{"}));
  EXPECT_FALSE(may_end(filter));
  EXPECT_FALSE(filter.fits(token_of("{")));
  EXPECT_TRUE(take(filter, {"n", "o", "}"}));
  EXPECT_TRUE(may_end(filter));
  EXPECT_FALSE(filter.fits(token_of("n")));
}

TEST(GrammarFilter, AfterItsTriggersGrammarTheNextMayFollow) {
  GrammarFilter filter = filter_of("root ::= call+\ncall ::= \"{\" [a-z] \"}\"", {"{"});
  EXPECT_TRUE(take(filter, {"x", "{", "a", "}"}));
  EXPECT_TRUE(may_end(filter));
  EXPECT_FALSE(filter.fits(token_of("x")));
  EXPECT_TRUE(take(filter, {"{", "b", "}"}));
  EXPECT_TRUE(may_end(filter));
}

TEST(GrammarFilter, ATriggerMayBeginInATokenAndEndInAnother) {
  GrammarFilter filter = filter_of(R"(root ::= "rot{" [0-9])", {"rot{"});
  EXPECT_TRUE(take(filter, {"arrot", "x", "arrot"}));
  EXPECT_TRUE(take(filter, {"{"}));
  EXPECT_FALSE(filter.fits(token_of("x")));
  EXPECT_TRUE(take(filter, {"7"}));
  EXPECT_TRUE(may_end(filter));

  GrammarFilter letters = filter_of(R"(root ::= "<|tool|>" [0-9])", {"<|tool|>"});
  EXPECT_TRUE(take(letters, {"<", "|", "t", "o", "<|", "t", "o", "ol", "|>", "1"}));
  EXPECT_TRUE(may_end(letters));
}

TEST(GrammarFilter, ATokenWithATriggerFitsWhereWhatFollowsInItFits) {
  for (const char* grammar : {R"(root ::= "rr" [a-z]*)", R"(root ::= "rro" [et]*)"}) {
    GrammarFilter filter = filter_of(grammar, {"rr"});
    EXPECT_TRUE(take(filter, {"arrot", "e"})) << grammar;
    EXPECT_FALSE(filter.fits(token_of("7"))) << grammar;
  }
  GrammarFilter filter = filter_of(R"(root ::= "rro" "x")", {"rr"});
  EXPECT_FALSE(filter.fits(token_of("arrot")));
  EXPECT_TRUE(take(filter, {"a", "r"}));
  EXPECT_TRUE(take(filter, {"r", "o", "x"}));
}

TEST(GrammarFilter, OfSeveralTriggersTheFirstCounts) {
  const std::string grammar = R"(root ::= "[" [a-z] | "{" [0-9])";
  GrammarFilter round = filter_of(grammar, {"[", "{"});
  EXPECT_TRUE(take(round, {"a", "{"}));
  EXPECT_FALSE(round.fits(token_of("a")));
  GrammarFilter square = filter_of(grammar, {"[", "{"});
  EXPECT_TRUE(take(square, {"["}));
  EXPECT_FALSE(square.fits(token_of("{")));
  EXPECT_TRUE(take(square, {"a"}));
}

TEST(GrammarFilter, AControlTokenIsItsTextWhereThereAreTriggersOrTheTextIsAskedFor) {
  const std::string grammar = R"(root ::= "<|im_start|>" [a-z]+)";
  GrammarFilter triggered = filter_of(grammar, {"<|im_start|>"});
  EXPECT_TRUE(take(triggered, {"7", "<|im_start|>", "user"}));
  EXPECT_FALSE(triggered.fits(token_of("<|im_start|>")));
  EXPECT_FALSE(triggered.fits(token_of("7")));
  GrammarFilter spelled = filter_of(grammar, {"<|im_start|>"});
  EXPECT_TRUE(take(spelled, {"<", "|", "im", "_", "start", "|", ">", "user"}));
  EXPECT_FALSE(spelled.fits(token_of("7")));
  GrammarFilter asked = filter_of(grammar, {}, true);
  EXPECT_TRUE(take(asked, {"<|im_start|>", "user"}));
  GrammarFilter plain = filter_of(grammar);
  EXPECT_FALSE(plain.fits(token_of("<|im_start|>")));
  EXPECT_TRUE(take(plain, {"<", "|"}));
}

TEST(GrammarFilter, AControlTokenIsNoCharacterOfAClassAndOneThatEndsTheReplyIsNoText) {
  GrammarFilter any = filter_of(R"(root ::= .*)", {}, true);
  EXPECT_FALSE(any.fits(token_of("<|im_start|>")));
  GrammarFilter end = filter_of(R"(root ::= "<|im_end|>" "x")", {}, true);
  EXPECT_FALSE(end.fits(token_of("<|im_end|>")));
  EXPECT_TRUE(take(end, {"<", "|"}));
}

TEST(GrammarFilter, ASearchFindsWhatFits) {
  for (const bool waits : {true, false}) {
    GrammarFilter filter = filter_of(R"(root ::= "a" [a-q]*)",
                                     waits ? std::vector<std::string>{"a"} : std::vector<std::string>{});
    GrammarMatcher::Search search(static_cast<std::size_t>(vocabulary().size()));
    int calls = 1;
    while (!filter.search(search, filter.work() + 100)) ++calls;
    EXPECT_GT(calls, 1);
    for (Token token = 0; token < vocabulary().size(); ++token) {
      EXPECT_EQ(search.allowed[static_cast<std::size_t>(token)], filter.fits(token))
          << vocabulary().piece(token, true) << (waits ? " while it waits" : "");
    }
  }
}

TEST(GrammarFilter, WaitingLongCostsNothing) {
  GrammarFilter filter = filter_of(R"(root ::= "{" "no" "}")", {"{"});
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(take(filter, {"a"}));
  EXPECT_EQ(filter.work(), 0u);
}

TEST(GrammarFilter, RefusesTriggersThatCannotBe) {
  const auto field = [](std::vector<std::string> triggers) {
    const auto filter = GrammarFilter::create(
        vocabulary(), {.grammar = "root ::= \"a\"", .grammar_triggers = std::move(triggers)}, false);
    return filter ? "" : filter.error().field;
  };
  EXPECT_EQ(field({"a", ""}), "grammar_triggers");
  EXPECT_EQ(field({std::string(GrammarFilter::kMaxTriggerBytes + 1, 'a')}), "grammar_triggers");
  EXPECT_EQ(field(std::vector<std::string>(GrammarFilter::kMaxTriggers + 1, "a")), "grammar_triggers");
  EXPECT_EQ(field(std::vector<std::string>(GrammarFilter::kMaxTriggers, "a")), "");
}

}  // namespace
}  // namespace banyan
