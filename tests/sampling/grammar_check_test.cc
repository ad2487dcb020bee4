#include "sampling/grammar_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llama.h>

#include <memory>
#include <random>

#include "support/shipped_model.h"
#include "text/llama_log.h"

namespace banyan {
namespace {

using ::testing::HasSubstr;

bool passes(const std::string& grammar) { return check_grammar(shipped_vocabulary(), grammar).has_value(); }

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(GrammarCheck, PassesWhatGbnfAllows) {
  for (const char* grammar : {
           R"(root ::= "yes" | "no")",
           "# a comment\nroot ::= item+ # another\nitem ::= [a-z] [^\\n\\x41\\u20AC]* \".\"\n",
           "root::=(\n\"a\"\n|\n\"b\")",
           "root ::= \"a\" |\n\"b\"",
           R"(root ::= "a"{2} "b"{2,} "c"{0,3} [d-f]? .)",
           R"(root ::= <|im_end|> | !<[5]>)",
           R"(root ::= "a" root |)",
           "root ::= x\r\nx ::= \"\\\"\\\\\"",
           "root ::= [-a] [a-]",
       }) {
    EXPECT_TRUE(passes(grammar)) << grammar << ": "
                                 << check_grammar(shipped_vocabulary(), grammar).error().message;
  }
}

TEST(GrammarCheck, SaysWhatIsWrongAndWhere) {
  const auto message = [](const std::string& grammar) {
    const auto checked = check_grammar(shipped_vocabulary(), grammar);
    if (checked) return std::string("passed");
    EXPECT_EQ(checked.error().code, Errc::invalid_argument);
    EXPECT_EQ(checked.error().field, "grammar");
    return checked.error().message;
  };
  EXPECT_THAT(message(""), HasSubstr("no rule \"root\""));
  EXPECT_THAT(message("x ::= \"a\""), HasSubstr("no rule \"root\""));
  EXPECT_THAT(message("root ::= x"), HasSubstr("the rule \"x\""));
  EXPECT_THAT(message("root = \"a\""), HasSubstr("line 1, column 6: expected \"::=\""));
  EXPECT_THAT(message("root ::= \"a\"\n| \"b\""), HasSubstr("line 2, column 1: expected a rule's name"));
  EXPECT_THAT(message("root ::= (\"a\""), HasSubstr("expected \")\""));
  EXPECT_THAT(message("root ::= \"a"), HasSubstr("unexpected end"));
  EXPECT_THAT(message("root ::= [a"), HasSubstr("unexpected end"));
  EXPECT_THAT(message("root ::= \"\\d\""), HasSubstr("unknown escape"));
  EXPECT_THAT(message("root ::= \"\\u12\""), HasSubstr("4 hexadecimal"));
  EXPECT_THAT(message("root ::= *"), HasSubstr("nothing to repeat"));
  EXPECT_THAT(message("root ::= \"\"*"), HasSubstr("nothing to repeat"));
  EXPECT_THAT(message("root ::= \"a\"{x}"), HasSubstr("expected a number"));
  EXPECT_THAT(message("root ::= \"a\"{5,3}"), HasSubstr("fewer"));
  EXPECT_THAT(message("root ::= <nonsense>"), HasSubstr("not one token"));
  EXPECT_THAT(message("root ::= <[99999]>"), HasSubstr("token's number"));
  EXPECT_THAT(message("root ::= \"a\" ;"), HasSubstr("expected a new line"));
  EXPECT_THAT(message("root ::= \"\xFF\""), HasSubstr("UTF-8"));
}

TEST(GrammarCheck, RefusesWhatWouldExhaustLibllama) {
  EXPECT_FALSE(passes("root ::= " + repeated("(", 50'000) + "\"a\"" + repeated(")", 50'000)));
  EXPECT_FALSE(passes("root ::= \"" + repeated("a", 10'000) + "\"{1900}"));
  EXPECT_FALSE(passes("root ::= \"a\"{50}{50}{50}"));
  EXPECT_FALSE(passes("root ::= \"a\"{0,100000}"));
  EXPECT_FALSE(passes("root ::= " + repeated("\"a\"{0,1900} ", 100)));
  EXPECT_FALSE(passes("root ::= " + repeated("a", 300'000)));
}

// Grammars made of fragments that go together now and then: what passes, libllama must take without
// a word on stderr (left recursion, which it reports through its log, aside).
TEST(GrammarCheck, LibllamaTakesWhatPasses) {
  const std::vector<std::string> fragments = {
      "root",   "x",       " ::= ", "\"a\"",       "\"\"",     "[a-z]", "[^b]", "(", ")", "|",
      "*",      "+",       "?",     "{2}",         "{0,3}",    "{1,}",  "\n",   " ", ".", "<|im_end|>",
      "!<[7]>", "\"\\n\"", "# c",   "\nroot ::= ", "\nx ::= ", "{",     "\\",   "-", "[]"};
  std::mt19937 random(3);
  int passed = 0, taken = 0;
  ::testing::internal::CaptureStderr();
  for (int round = 0; round < 20'000; ++round) {
    std::string grammar = "root ::= ";
    for (std::size_t n = random() % 10; n > 0; --n) grammar += fragments[random() % fragments.size()];
    if (!passes(grammar)) continue;
    ++passed;
    LlamaErrors errors;
    const std::unique_ptr<llama_sampler, void (*)(llama_sampler*)> sampler(
        llama_sampler_init_grammar(shipped_vocabulary().raw(), grammar.c_str(), "root"), llama_sampler_free);
    if (sampler) {
      ++taken;
    } else {
      EXPECT_THAT(errors.text(""), HasSubstr("left recursion")) << grammar;
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_GT(passed, 500);
  EXPECT_GT(taken, 400);
}

}  // namespace
}  // namespace banyan
