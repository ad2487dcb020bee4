#include "banyan/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "support/shipped_model.h"
#include "text/token_trie.h"

namespace banyan {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Vocabulary, TextSurvivesTheWayToTokensAndBack) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  for (const std::string text :
       {"", "My cat is called Fen.", "  two  spaces\n\ttab", "\u00E9\u20AC\U0001F333"}) {
    EXPECT_EQ(vocabulary.detokenize(vocabulary.tokenize(text, false, false)), text);
  }
}

TEST(Vocabulary, PiecesOfTokensAddUpToTheText) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  const std::string text = "The code for the red gate is 4821. \U0001F333";
  std::string joined;
  for (const Token token : vocabulary.tokenize(text, false, false)) joined += vocabulary.piece(token);
  EXPECT_EQ(joined, text);
}

TEST(Vocabulary, ControlTokensAreReadAndWrittenOnlyOnRequest) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  const std::vector<Token> control = vocabulary.tokenize("<|im_end|>", false, true);
  ASSERT_THAT(control, SizeIs(1));
  EXPECT_THAT(vocabulary.tokenize("<|im_end|>", false, false), SizeIs(Gt(1)));
  EXPECT_EQ(vocabulary.piece(control[0]), "");
  EXPECT_EQ(vocabulary.piece(control[0], true), "<|im_end|>");
  EXPECT_EQ(vocabulary.detokenize(control, false), "");
  EXPECT_TRUE(vocabulary.is_end(control[0]));
  EXPECT_EQ(vocabulary.eos_text(), "<|im_end|>");
}

TEST(Vocabulary, LongTextsAreTokenized) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  const std::string letters(200'000, 'a');
  EXPECT_EQ(vocabulary.detokenize(vocabulary.tokenize(letters, false, false)), letters);
  std::string words;
  while (words.size() < 500'000) words += "My hen lives in Oslo. ";
  EXPECT_EQ(vocabulary.detokenize(vocabulary.tokenize(words, false, false)), words);
}

TEST(Vocabulary, BytesThatAreNotUtf8BecomeReplacements) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  EXPECT_EQ(vocabulary.detokenize(vocabulary.tokenize("a\xFFz\xF0\x9F", false, true)), "a\uFFFDz\uFFFD");
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::string noise(random() % 100, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    vocabulary.tokenize(noise, true, true);
  }
}

TEST(Vocabulary, ManyThreadsMayTokenize) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  const std::vector<Token> expected = vocabulary.tokenize("My hen lives in Oslo.", false, true);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        EXPECT_EQ(vocabulary.tokenize("My hen lives in Oslo.", false, true), expected);
        EXPECT_EQ(vocabulary.detokenize(expected), "My hen lives in Oslo.");
      }
    });
  }
}

TEST(Vocabulary, KnowsControlTokensByTheirText) {
  const TokenTrie& trie = shipped_vocabulary().control_trie();
  const auto found = trie.longest_in_front_of("<|im_start|>user");
  ASSERT_TRUE(found);
  EXPECT_EQ(trie.bytes(*found), "<|im_start|>");
  EXPECT_EQ(trie.token(*found), shipped_vocabulary().tokenize("<|im_start|>", false, true).at(0));
  EXPECT_FALSE(trie.longest_in_front_of("<|im_end|>")) << "it ends a reply";
  EXPECT_FALSE(trie.longest_in_front_of("user<|im_start|>"));
}

TEST(TokenTrie, FindsTheLongestTextThatAnotherBeginsWith) {
  const TokenTrie trie({"ab", "", "abcd", "abc", "abd", "b", "\xFF"});
  const auto longest = [&](std::string_view text) {
    const auto found = trie.longest_in_front_of(text);
    return found ? std::string(trie.bytes(*found)) : "none";
  };
  EXPECT_EQ(longest("abcde"), "abcd");
  EXPECT_EQ(longest("abcx"), "abc");
  EXPECT_EQ(longest("abca"), "abc");
  EXPECT_EQ(longest("abzz"), "ab");
  EXPECT_EQ(longest("ab"), "ab");
  EXPECT_EQ(longest("a"), "none");
  EXPECT_EQ(longest("bcd"), "b");
  EXPECT_EQ(longest("c"), "none");
  EXPECT_EQ(longest("\xFF\xFE"), "\xFF");
  EXPECT_EQ(longest(""), "none");
}

TEST(Vocabulary, TokensOutsideItAreMisuse) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  EXPECT_THROW(vocabulary.piece(-1), Misuse);
  EXPECT_THROW(vocabulary.piece(vocabulary.size()), Misuse);
  EXPECT_THROW(vocabulary.detokenize(std::vector<Token>{0, vocabulary.size()}), Misuse);
}

TEST(Vocabulary, AFileThatIsNoModelIsRefused) {
  const auto missing = Vocabulary::load("/no/such/model.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::io);
  EXPECT_THAT(missing.error().message, HasSubstr("/no/such/model.gguf"));

  const std::string path = ::testing::TempDir() + "banyan_not_a_model.gguf";
  std::ofstream(path) << "this is not a model";
  const auto broken = Vocabulary::load(path);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::corrupt);
  EXPECT_THAT(broken.error().message, HasSubstr(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace banyan
