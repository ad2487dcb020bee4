#include "text/text_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "banyan/base.h"
#include "text/text_stream_oracle.h"
#include "text/utf8.h"

namespace banyan {
namespace {

using ::testing::IsEmpty;

TEST(Utf8, WellFormedCharactersAreWhole) {
  for (const char* text : {"a", "\x7F", "\u00E9", "\u20AC", "\uD7FF", "\uE000", "\U0001F333", "\U0010FFFF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(repair_utf8(text), text);
  }
}

TEST(Utf8, CodePointsAreWrittenAsTheyAreRead) {
  for (const char32_t c :
       {U'\1', U'a', U'\x7F', U'\x80', U'\u07FF', U'\u0800', U'\uFFFF', U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    append_utf8(text, c);
    ASSERT_TRUE(is_utf8(text));
    EXPECT_EQ(next_utf8(text).bytes, text.size());
    EXPECT_EQ(code_point(text), c);
  }
}

TEST(Utf8, IllFormedRunsBecomeOneReplacementEach) {
  EXPECT_EQ(repair_utf8("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(repair_utf8("\xC0\x80"), "\uFFFD\uFFFD");                      // overlong
  EXPECT_EQ(repair_utf8("\xE0\x80\x80"), "\uFFFD\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");            // a surrogate
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond U+10FFFF
  EXPECT_EQ(repair_utf8("\xF0\x9F\x8Cx"), "\uFFFDx");  // cut: its longest prefix is one run
  EXPECT_EQ(repair_utf8("\xF0\x9F\x8C"), "\uFFFD");
}

TEST(TextStream, ACharacterOfSeveralTokensComesOutWhole) {
  TextStream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x8C"), "");
  EXPECT_EQ(stream.push("\xB3!"), "\U0001F333!");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, ACharacterThatNeverEndsIsReplaced) {
  TextStream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.finish(), "\uFFFD");

  TextStream other;
  EXPECT_EQ(other.push("\xF0\x9F"), "");
  EXPECT_EQ(other.push("b"),
            "\uFFFD"
            "b");
}

TEST(TextStream, AStopStringAcrossTokensIsCutOut) {
  TextStream stream({"\nUser:"});
  EXPECT_EQ(stream.push("Fine.\n"), "Fine.");
  EXPECT_EQ(stream.push("Us"), "");
  EXPECT_EQ(stream.push("er: and"), "");
  EXPECT_EQ(stream.stop_word(), "\nUser:");
  EXPECT_EQ(stream.released(), 5u);
  EXPECT_EQ(stream.push("more"), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, WhatOnlyLookedLikeAStopStringIsGivenBack) {
  TextStream stream({"\nUser:"});
  EXPECT_EQ(stream.push("a\nUse"), "a");
  EXPECT_EQ(stream.push("ful"), "\nUseful");
  EXPECT_EQ(stream.push("\n"), "");
  EXPECT_EQ(stream.push("\nU"), "\n");
  EXPECT_EQ(stream.finish(), "\nU");
}

TEST(TextStream, TheFirstStopStringToEndWins) {
  TextStream stream({"abcd", "bc", "abc"});
  EXPECT_EQ(stream.push("xabcd"), "x");
  EXPECT_EQ(stream.stop_word(), "abc");
}

TEST(TextStream, AnEmptyStopStringIsMisuse) { EXPECT_THROW(TextStream({"a", ""}), Misuse); }

TEST(TextStream, TheTextDoesNotDependOnHowItIsCut) {
  // Few bytes, so that stop strings happen, begin and overlap themselves; some make characters.
  constexpr std::string_view kBytes = "aab\n\xC3\xA9\xF0\x9F\x8C";
  std::mt19937 random(7);
  const auto some = [&](std::size_t most) {
    std::string bytes(random() % (most + 1), 'a');
    for (char& byte : bytes) byte = kBytes[random() % kBytes.size()];
    return bytes;
  };
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> stops;
    for (std::size_t n = random() % 4; n > 0; --n) stops.push_back(some(4) + "a");
    std::vector<std::string> chunks;
    for (std::size_t n = random() % 12; n > 0; --n) chunks.push_back(some(4));
    ASSERT_THAT(text_stream_fault(chunks, stops), IsEmpty())
        << "round " << round << ": " << ::testing::PrintToString(chunks) << " with stops "
        << ::testing::PrintToString(stops);
  }
}

}  // namespace
}  // namespace banyan
