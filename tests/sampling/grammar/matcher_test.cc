#include "sampling/grammar/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llama.h>

#include <cmath>
#include <memory>
#include <random>
#include <set>

#include "sampling/grammar/syntax.h"
#include "support/scale.h"
#include "support/shipped_model.h"
#include "text/llama_log.h"
#include "text/utf8.h"

namespace banyan {
namespace {

GrammarMatcher matcher_of(const std::string& grammar) {
  return GrammarMatcher(Grammar::parse(shipped_vocabulary(), grammar).value());
}

// Goes on byte by byte. Whether all were taken.
bool take(GrammarMatcher& matcher, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view byte = text.substr(i, 1);
    const bool allowed = matcher.allows(0, byte);
    EXPECT_EQ(matcher.accept(0, byte), allowed);
    if (!allowed) return false;
  }
  return true;
}

bool fits(const std::string& grammar, std::string_view text) {
  GrammarMatcher matcher = matcher_of(grammar);
  return take(matcher, text) && matcher.can_end();
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(GrammarMatcher, FollowsCharactersThatTokensCut) {
  const std::string grammar = "root ::= [\\u20AC-\\u20AF] [^a]";
  EXPECT_TRUE(fits(grammar, "\u20AC\U0001F333"));
  EXPECT_FALSE(fits(grammar, "\u20ACa"));
  GrammarMatcher matcher = matcher_of(grammar);
  EXPECT_FALSE(matcher.allows(0, "\xE3"));
  EXPECT_TRUE(matcher.accept(0, "\xE2\x82"));
  EXPECT_FALSE(matcher.can_end());
  EXPECT_FALSE(matcher.allows(0, "\xAB"));
  EXPECT_FALSE(matcher.allows(0, "a"));
  EXPECT_TRUE(matcher.accept(0, "\xAC\xF0"));
  EXPECT_TRUE(matcher.accept(0, "\x9F\x8C\xB3"));
  EXPECT_TRUE(matcher.can_end());
}

TEST(GrammarMatcher, NoGrammarAllowsWhatIsNotUtf8) {
  for (const char* text : {"\xFF", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    EXPECT_FALSE(fits("root ::= .*", text)) << text;
    EXPECT_FALSE(fits("root ::= [^a]*", text)) << text;
    EXPECT_FALSE(fits("root ::= [\\u0001-\\U0010FFFF]*", text)) << text;
  }
}

TEST(GrammarMatcher, TokensAreTakenWhole) {
  GrammarMatcher matcher = matcher_of("root ::= \"a\" <[7]> !<[8]> \"b\"");
  EXPECT_FALSE(matcher.allows(7, ""));
  EXPECT_TRUE(matcher.accept(1, "a"));
  EXPECT_FALSE(matcher.allows(8, "seven"));
  EXPECT_TRUE(matcher.accept(7, "seven"));
  EXPECT_FALSE(matcher.allows(8, "eight"));
  EXPECT_TRUE(matcher.accept(9, ""));
  EXPECT_TRUE(matcher.accept(1, "b"));
  EXPECT_TRUE(matcher.can_end());
}

TEST(GrammarMatcher, LeftRecursionAlsoThroughOptionalRulesIsFollowed) {
  EXPECT_TRUE(fits("root ::= root \"a\" | \"b\"", "baaaa"));
  const std::string hidden = "root ::= e root \"a\" | \"b\"\ne ::= \"x\"?";
  EXPECT_TRUE(fits(hidden, "xxbaaa"));
  EXPECT_FALSE(fits(hidden, "xxba"));  // each x wants an a
  EXPECT_TRUE(fits("root ::= root? root* (root |) \"a\" |", "aaa"));
  EXPECT_TRUE(matcher_of("root ::= root \"a\"").is_dead());
}

// Each ended libllama, or the engine, or took gigabytes. The bounds are counts, so that no machine waits.
TEST(GrammarMatcher, AmbiguousGrammarsAreFollowedOrGivenUpWithinTheirBounds) {
  std::string doubling = "root ::= r0\n";
  for (int i = 0; i < 20; ++i) {
    doubling +=
        "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "? r" + std::to_string(i + 1) + "?\n";
  }
  doubling += "r20 ::= \"a\"";
  for (const std::string& grammar : {
           doubling,
           "root ::= (" + repeated("\"a\"? ", 24) + "){1,40}",
           std::string("root ::= root root | \"a\""),
           std::string("root ::= root root root | \"a\"? root?"),
           std::string("root ::= (((\"a\"*)*)*)*"),
           std::string("root ::= x* \nx ::= x? x? \"a\"? x?"),
       }) {
    GrammarMatcher matcher = matcher_of(grammar);
    int taken = 0;
    while (taken < 500 && matcher.accept(0, "a")) ++taken;
    EXPECT_TRUE(taken == 500 || matcher.is_exhausted()) << grammar;
    EXPECT_GT(taken, 0) << grammar;
    EXPECT_LE(matcher.nodes(), 4 * GrammarMatcher::kMaxNodes);
  }
}

TEST(GrammarMatcher, AmbiguousGrammarsFailTheirTrial) {
  const auto passes = [](const std::string& grammar) {
    return GrammarMatcher::passes_trial(Grammar::parse(shipped_vocabulary(), grammar).value());
  };
  EXPECT_FALSE(passes("root ::= root root | \"a\""));
  EXPECT_FALSE(passes("root ::= root root root | [a-z]? root?"));
  EXPECT_FALSE(passes("root ::= x*\nx ::= x? x? \"a\"? x?"));
  // Only unusual texts pass the bounds.
  EXPECT_TRUE(passes("root ::= root \"+\" root | [0-9]+"));
  EXPECT_TRUE(passes("root ::= ([a-z]{1,200} \" \"?){1,100}"));
  EXPECT_TRUE(passes("root ::= (((\"a\"*)*)*)*"));
  EXPECT_TRUE(passes("root ::= <[7]> (!<[8]> | [^a])*"));
  EXPECT_TRUE(passes("root ::= \"\""));
}

TEST(GrammarMatcher, AnExhaustedMatcherAllowsNothing) {
  GrammarMatcher matcher = matcher_of("root ::= root root | \"a\"");
  while (matcher.accept(0, "a")) continue;
  EXPECT_TRUE(matcher.is_exhausted());
  EXPECT_FALSE(matcher.allows(0, "a"));
  EXPECT_FALSE(matcher.can_end());
}

TEST(GrammarMatcher, LongRepliesHoldNoMoreThanWhatIsOpen) {
  GrammarMatcher list = matcher_of("root ::= item \",\" root | item\nitem ::= [a-z]+");
  GrammarMatcher nested = matcher_of("root ::= \"[\" root \"]\" | \"a\"");
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(list.accept(0, "ab,"));
    ASSERT_TRUE(nested.accept(0, "["));
  }
  EXPECT_LT(list.nodes(), 3'000u);
  ASSERT_TRUE(nested.accept(0, "a"));
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(nested.accept(0, "]"));
  EXPECT_TRUE(nested.can_end());
  EXPECT_FALSE(nested.allows(0, "]"));
}

std::string random_grammar(std::mt19937& random, int rules, bool recursive) {
  std::string grammar;
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int rule = 0; rule < rules; ++rule) {
    grammar += (rule == 0 ? "root" : "r" + std::to_string(rule)) + " ::=";
    for (int alternative = below(3); alternative >= 0; --alternative) {
      const int items = below(4);
      if (items == 0) grammar += " \"\"";
      for (int item = 0; item < items; ++item) {
        const int callee = recursive ? below(rules) : rule + 1 + below(rules);
        if (below(2) == 0 && callee < rules) {
          grammar += callee == 0 ? " root" : " r" + std::to_string(callee);
        } else {
          grammar += std::vector<std::string>{" \"a\"", " \"b\"", " [ab]", " \"ab\"", " [^a]"}[below(5)];
        }
        grammar += std::vector<std::string>{"", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,}"}[below(9)];
      }
      if (alternative > 0) grammar += " |";
    }
    grammar += "\n";
  }
  return grammar;
}

// Where each rule may end in a text that it may begin in, found by trying until nothing is new.
class Oracle {
 public:
  Oracle(const GrammarSyntax& syntax, const std::string& text) : syntax_(syntax), text_(text) {
    ends_.resize(syntax.rules.size(), std::vector<std::set<std::size_t>>(text.size() + 1));
    for (bool is_new = true; is_new;) {
      is_new = false;
      for (std::size_t rule = 0; rule < ends_.size(); ++rule) {
        for (std::size_t at = 0; at <= text.size(); ++at) {
          std::set<std::size_t> ends = match(syntax.rules[rule], {at});
          is_new |= ends != ends_[rule][at];
          ends_[rule][at] = std::move(ends);
        }
      }
    }
  }
  bool fits() const { return ends_[syntax_.root][0].contains(text_.size()); }

 private:
  using Places = std::set<std::size_t>;
  Places match(const SyntaxNode& node, const Places& from) const {
    using Kind = SyntaxNode::Kind;
    Places to;
    if (node.kind == Kind::sequence) {
      to = from;
      for (const SyntaxNode& part : node.parts) to = match(part, to);
    } else if (node.kind == Kind::choice) {
      for (const SyntaxNode& part : node.parts) to.merge(match(part, from));
    } else if (node.kind == Kind::repeat) {
      Places now = from;
      const std::uint32_t most = std::min<std::uint32_t>(node.most, node.least + 20);
      for (std::uint32_t times = 0; times <= most; ++times) {
        if (times >= node.least) to.insert(now.begin(), now.end());
        now = match(node.parts[0], now);
      }
    } else {
      for (const std::size_t at : from) {
        if (node.kind == Kind::call) to.insert(ends_[node.number][at].begin(), ends_[node.number][at].end());
        if (node.kind != Kind::chars || at == text_.size()) continue;
        const auto c = static_cast<char32_t>(text_[at]);
        if (node.set.has_any_of(c, c)) to.insert(at + 1);
      }
    }
    return to;
  }
  const GrammarSyntax& syntax_;
  std::string text_;
  std::vector<std::vector<std::set<std::size_t>>> ends_;
};

TEST(GrammarMatcher, TakesTheTextsThatAPlainSearchFinds) {
  std::mt19937 random(7);
  int fitting = 0;
  for (int round = 0; round < test::scaled(300); ++round) {
    const std::string text = random_grammar(random, 3, true);
    const GrammarSyntax syntax = parse_grammar_syntax(shipped_vocabulary(), text).value();
    for (unsigned length = 0; length <= 5; ++length) {
      for (unsigned bits = 0; bits < 1u << length; ++bits) {
        std::string word;
        for (unsigned i = 0; i < length; ++i) word += (bits >> i & 1) != 0 ? 'a' : 'b';
        const bool expected = Oracle(syntax, word).fits();
        ASSERT_EQ(fits(text, word), expected) << "round " << round << "\n" << text << word;
        fitting += expected ? 1 : 0;
      }
    }
  }
  EXPECT_GT(fitting, test::scaled(1000));
}

// Where libllama is safe: without recursion.
TEST(GrammarMatcher, AllowsTheTokensThatLibllamaAllows) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  const auto count = static_cast<std::size_t>(vocabulary.size());
  std::mt19937 random(5);
  std::size_t compared = 0;
  for (int round = 0; round < test::scaled(100); ++round) {
    const std::string text = random_grammar(random, 4, false);
    LlamaErrors quiet;
    const std::unique_ptr<llama_sampler, void (*)(llama_sampler*)> sampler(
        llama_sampler_init_grammar(vocabulary.raw(), text.c_str(), "root"), llama_sampler_free);
    if (!sampler) continue;  // repetitions of what may be empty are left recursion to libllama
    GrammarMatcher matcher = matcher_of(text);
    for (int step = 0; step < 6; ++step) {
      std::vector<llama_token_data> candidates(count);
      for (std::size_t i = 0; i < count; ++i) candidates[i] = {static_cast<Token>(i), 1, 0};
      llama_token_data_array all{candidates.data(), count, -1, false};
      llama_sampler_apply(sampler.get(), &all);
      GrammarMatcher::Search search(count);
      while (!matcher.search(vocabulary.trie(), search, matcher.work() + random() % 1000)) {
      }
      const std::vector<bool>& allowed = search.allowed;
      std::vector<Token> next;
      for (std::size_t i = 0; i < count; ++i) {
        const auto token = static_cast<Token>(i);
        const std::string piece = vocabulary.piece(token);
        const bool theirs = std::isfinite(candidates[i].logit);
        if (vocabulary.is_end(token)) {
          ASSERT_EQ(matcher.can_end(), theirs) << text;
          continue;
        }
        ASSERT_EQ(matcher.allows(token, piece), allowed[i]) << text << piece;
        if (piece.empty() || !is_utf8(piece)) continue;  // by their names, and less strictly, there
        ASSERT_EQ(allowed[i], theirs) << "round " << round << ", step " << step << "\n" << text << piece;
        ++compared;
        if (allowed[i]) next.push_back(token);
      }
      if (next.empty()) break;
      const Token token = next[random() % next.size()];
      llama_sampler_accept(sampler.get(), token);
      ASSERT_TRUE(matcher.accept(token, vocabulary.piece(token)));
    }
  }
  EXPECT_GT(compared, count);
}

TEST(GrammarMatcher, AnyBytesAreAGrammar) {
  const std::vector<std::string> fragments = {
      "root",   "x",       " ::= ", "\"a\"",       "\"\"",     "[a-z]", "[^b]", "(", ")", "|",
      "*",      "+",       "?",     "{2}",         "{0,3}",    "{1,}",  "\n",   " ", ".", "<|im_end|>",
      "!<[7]>", "\"\\n\"", "# c",   "\nroot ::= ", "\nx ::= ", "{",     "\\",   "-", "[]"};
  std::mt19937 random(3);
  int passed = 0;
  for (int round = 0; round < test::scaled(20'000); ++round) {
    std::string text = "root ::= ";
    for (std::size_t n = random() % 10; n > 0; --n) text += fragments[random() % fragments.size()];
    const auto grammar = Grammar::parse(shipped_vocabulary(), text);
    if (!grammar) continue;
    ++passed;
    GrammarMatcher matcher(*grammar);
    take(matcher, "abca\n");
  }
  EXPECT_GT(passed, test::scaled(500));
}

}  // namespace
}  // namespace banyan
