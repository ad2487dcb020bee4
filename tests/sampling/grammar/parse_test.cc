#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sampling/grammar/grammar.h"
#include "support/shipped_model.h"

namespace banyan {
namespace {

using ::testing::HasSubstr;

std::string message(const std::string& grammar) {
  const auto parsed = Grammar::parse(shipped_vocabulary(), grammar);
  if (parsed) return "passed";
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  EXPECT_EQ(parsed.error().field, "grammar");
  return parsed.error().message;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(GrammarParse, PassesWhatGbnfAllows) {
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
    EXPECT_EQ(message(grammar), "passed") << grammar;
  }
}

TEST(GrammarParse, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(message(""), HasSubstr("no rule \"root\""));
  EXPECT_THAT(message("x ::= \"a\""), HasSubstr("no rule \"root\""));
  EXPECT_THAT(message("root ::= \"a\"\n  x"), HasSubstr("line 2, column 4: expected \"::=\""));
  EXPECT_THAT(message("root ::= \"a\" x"), HasSubstr("line 1, column 14: the rule \"x\" is not defined"));
  EXPECT_THAT(message("root = \"a\""), HasSubstr("line 1, column 6: expected \"::=\""));
  EXPECT_THAT(message("root ::= \"a\"\n| \"b\""), HasSubstr("line 2, column 1: expected a rule's name"));
  EXPECT_THAT(message("root ::= (\"a\""), HasSubstr("expected \")\""));
  EXPECT_THAT(message("root ::= \"a"), HasSubstr("unexpected end"));
  EXPECT_THAT(message("root ::= [a"), HasSubstr("unexpected end"));
  EXPECT_THAT(message("root ::= []"), HasSubstr("empty"));
  EXPECT_THAT(message("root ::= \"\\d\""), HasSubstr("unknown escape"));
  EXPECT_THAT(message("root ::= \"\\"), HasSubstr("unknown escape"));
  EXPECT_THAT(message("root ::= \"\\u12\""), HasSubstr("4 hexadecimal"));
  EXPECT_THAT(message("root ::= \"\\U0001"), HasSubstr("8 hexadecimal"));
  EXPECT_THAT(message("root ::= *"), HasSubstr("nothing to repeat"));
  EXPECT_THAT(message("root ::= \"\"*"), HasSubstr("nothing to repeat"));
  EXPECT_THAT(message("root ::= \"a\"{x}"), HasSubstr("expected a number"));
  EXPECT_THAT(message("root ::= \"a\"{5,3}"), HasSubstr("fewer"));
  EXPECT_THAT(message("root ::= <nonsense>"), HasSubstr("not one token"));
  EXPECT_THAT(message("root ::= <[99999]>"), HasSubstr("token's number"));
  EXPECT_THAT(message("root ::= \"a\" ;"), HasSubstr("expected a new line"));
  EXPECT_THAT(message("root ::= \"\xFF\""), HasSubstr("UTF-8"));
}

TEST(GrammarParse, RefusesCodePointsThatAreNoCharactersAndReversedRanges) {
  EXPECT_THAT(message("root ::= \"\\uD800\""), HasSubstr("line 1, column 11: a surrogate"));
  EXPECT_THAT(message("root ::= [\\uDFFF]"), HasSubstr("a surrogate"));
  EXPECT_THAT(message("root ::= \"\\U00110000\""), HasSubstr("beyond U+10FFFF"));
  EXPECT_THAT(message("root ::= [z-a]"), HasSubstr("line 1, column 11: the range is reversed"));
}

TEST(GrammarParse, RefusesWhatIsTooLarge) {
  EXPECT_NE(message("root ::= " + repeated("(", 50'000) + "\"a\"" + repeated(")", 50'000)), "passed");
  EXPECT_NE(message("root ::= \"" + repeated("a", 10'000) + "\"{1900}"), "passed");
  EXPECT_NE(message("root ::= \"a\"{500}{500}{500}"), "passed");
  EXPECT_NE(message("root ::= (\"\"){60000}{60000}{60000}"), "passed");
  EXPECT_NE(message("root ::= ((\"\")?){60000}{60000}"), "passed");
  EXPECT_NE(message("root ::= \"a\"{0,100000}"), "passed");
  EXPECT_NE(message("root ::= " + repeated("\"a\"{0,1900} ", 100)), "passed");
  EXPECT_NE(message("root ::= \"a\"" + repeated("*", 100'000)), "passed");
  EXPECT_NE(message("root ::= " + repeated("a", 300'000)), "passed");
}

}  // namespace
}  // namespace banyan
