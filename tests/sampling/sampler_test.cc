#include "sampling/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "sampling/logprobs.h"
#include "support/shipped_model.h"
#include "support/slow_grammar.h"

namespace banyan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kContext = 1024;

Sampling greedy() { return {.temperature = 0}; }

Result<Sampler> create(const Sampling& sampling, SamplerOptions options = {.context = kContext},
                       std::vector<Token> prompt = {}) {
  return Sampler::create(shipped_vocabulary(), sampling, prompt, options);
}

std::vector<float> flat_logits() {
  return std::vector<float>(static_cast<std::size_t>(shipped_vocabulary().size()), 0);
}

std::vector<float> logits_with(std::initializer_list<std::pair<Token, float>> peaks) {
  std::vector<float> logits = flat_logits();
  for (const auto& [token, logit] : peaks) logits[static_cast<std::size_t>(token)] = logit;
  return logits;
}

std::vector<Token> draw(Sampler& sampler, const std::vector<float>& logits, int count) {
  SamplerScratch scratch;
  std::vector<Token> tokens;
  for (int i = 0; i < count; ++i) {
    const std::optional<Token> token = sampler.sample(logits, scratch).value();
    if (!token) break;
    tokens.push_back(*token);
  }
  return tokens;
}

TEST(Sampler, WithoutTemperatureTakesTheMostProbable) {
  Sampler sampler = create(greedy()).value();
  EXPECT_THAT(draw(sampler, logits_with({{7, 1}, {90, 3}, {1500, 2}}), 3), ElementsAre(90, 90, 90));
}

TEST(Sampler, TheSameSeedDrawsTheSameTokens) {
  const auto drawn = [](std::uint32_t seed, std::uint32_t choice) {
    Sampler sampler = create({.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = seed},
                             {.context = kContext, .choice = choice})
                          .value();
    return draw(sampler, flat_logits(), 20);
  };
  EXPECT_EQ(drawn(5, 0), drawn(5, 0));
  EXPECT_NE(drawn(5, 0), drawn(6, 0));
  EXPECT_EQ(drawn(5, 1), drawn(6, 0));  // a choice adds to the seed
  EXPECT_EQ(drawn(LLAMA_DEFAULT_SEED, 0), drawn(LLAMA_DEFAULT_SEED, 0));
}

TEST(Sampler, ChoosesTheSameAPieceAtATime) {
  for (const int top_k : {0, 1, 40}) {
    Sampling sampling = test::slow_grammar();
    sampling.temperature = top_k == 1 ? 0 : 1;
    sampling.top_k = top_k;
    sampling.seed = 7;
    Sampler whole = create(sampling).value(), pieces = create(sampling).value();
    std::mt19937 random(3);
    SamplerScratch scratch;
    for (int token = 0; token < 5; ++token) {
      std::vector<float> logits = flat_logits();
      for (float& logit : logits) logit = std::uniform_real_distribution<float>(0, 5)(random);
      const auto expected = whole.sample(logits, scratch);
      ASSERT_TRUE(expected.value());
      EXPECT_FALSE(whole.is_choosing());
      auto chosen = pieces.sample(logits, scratch, 10'000);
      int calls = 1;
      for (; pieces.is_choosing(); ++calls) chosen = pieces.sample(logits, scratch, 10'000);
      EXPECT_EQ(chosen.value(), expected.value());
      EXPECT_GT(calls, 3);
    }
  }
}

TEST(Sampler, NarrowsToTopKTopPAndMinP) {
  const std::vector<float> logits = logits_with({{1, 12}, {2, 11}, {3, 10}, {4, 9}});
  const auto set_of = [&](Sampling sampling) {
    sampling.seed = 3;
    Sampler sampler = create(sampling).value();
    const std::vector<Token> tokens = draw(sampler, logits, 300);
    return std::set<Token>(tokens.begin(), tokens.end());
  };
  EXPECT_THAT(set_of({.temperature = 2, .top_k = 2, .top_p = 1, .min_p = 0}), ElementsAre(1, 2));
  EXPECT_THAT(set_of({.temperature = 2, .top_k = 0, .top_p = 0.6f, .min_p = 0}), ElementsAre(1));
  EXPECT_THAT(set_of({.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0.1f}), ElementsAre(1, 2, 3));
  EXPECT_GT(set_of({.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0}).size(), 4u);
}

// A draw over the whole vocabulary, as libllama would make it.
class PlainChain {
 public:
  explicit PlainChain(const Sampling& sampling, TokenSpan prompt)
      : chain_(llama_sampler_chain_init(llama_sampler_chain_default_params()), llama_sampler_free) {
    const auto add = [&](llama_sampler* next) { llama_sampler_chain_add(chain_.get(), next); };
    std::vector<llama_logit_bias> biases;
    for (const auto& [token, bias] : sampling.logit_bias) biases.push_back({token, bias});
    const int size = shipped_vocabulary().size();
    add(llama_sampler_init_logit_bias(size, static_cast<int>(biases.size()), biases.data()));
    add(llama_sampler_init_penalties(size, sampling.penalty_last_n, sampling.repeat_penalty,
                                     sampling.frequency_penalty, sampling.presence_penalty));
    add(llama_sampler_init_top_k(sampling.top_k));
    add(llama_sampler_init_top_p(sampling.top_p, 1));
    add(llama_sampler_init_min_p(sampling.min_p, 1));
    add(llama_sampler_init_temp(sampling.temperature));
    add(llama_sampler_init_dist(*sampling.seed));
    for (const Token token : prompt) llama_sampler_accept(chain_.get(), token);
  }

  Token draw(const std::vector<float>& logits) {
    std::vector<llama_token_data> all;
    for (const float logit : logits) all.push_back({static_cast<Token>(all.size()), logit, 0});
    llama_token_data_array candidates{all.data(), all.size(), -1, false};
    llama_sampler_apply(chain_.get(), &candidates);
    const Token token = candidates.data[candidates.selected].id;
    llama_sampler_accept(chain_.get(), token);
    return token;
  }

 private:
  std::unique_ptr<llama_sampler, decltype(&llama_sampler_free)> chain_;
};

TEST(Sampler, DrawsWhatLibllamaDrawsFromTheWholeVocabulary) {
  std::mt19937 random(4);
  const std::vector<Token> prompt = {3, 8, 3, 100, 7};
  const std::vector<std::pair<Token, float>> biases = {{9, 2.5f}, {8, -kInfinity}, {1700, 6}, {9, 0.5f}};
  for (const Sampling& sampling :
       {Sampling{}, Sampling{.temperature = 3, .top_k = 1000, .top_p = 1, .min_p = 0},
        Sampling{.top_k = 5, .logit_bias = biases}, Sampling{.top_k = 0, .logit_bias = biases},
        Sampling{.temperature = 2,
                 .top_k = 12,
                 .top_p = 0.9f,
                 .repeat_penalty = 1.5f,
                 .presence_penalty = 0.5f,
                 .frequency_penalty = 0.2f,
                 .penalty_last_n = 20,
                 .logit_bias = biases}}) {
    for (std::uint32_t seed = 0; seed < 5; ++seed) {
      Sampling seeded = sampling;
      seeded.seed = seed;
      Sampler sampler = create(seeded, {.context = kContext}, prompt).value();
      PlainChain plain(seeded, prompt);
      for (int i = 0; i < 40; ++i) {
        std::vector<float> logits = flat_logits();
        std::normal_distribution<float> normal(0, 2);
        for (float& logit : logits) logit = normal(random);
        ASSERT_EQ(draw(sampler, logits, 1), std::vector{plain.draw(logits)})
            << "seed " << seed << ", token " << i << ", top_k " << sampling.top_k;
      }
    }
  }
}

TEST(Sampler, BiasForcesAndForbidsTokens) {
  Sampling sampling = greedy();
  sampling.logit_bias = {{7, 100}};
  Sampler forced = create(sampling).value();
  EXPECT_THAT(draw(forced, logits_with({{90, 3}}), 1), ElementsAre(7));

  sampling.logit_bias = {{90, -kInfinity}};
  Sampler forbidden = create(sampling).value();
  EXPECT_THAT(draw(forbidden, logits_with({{90, 3}, {5, 1}}), 1), ElementsAre(5));
}

TEST(Sampler, EndTokensCanBeIgnored) {
  const Token end = shipped_vocabulary().tokenize("<|im_end|>", false, true).at(0);
  Sampler sampler = create(greedy(), {.ignore_end = true, .context = kContext}).value();
  EXPECT_THAT(draw(sampler, logits_with({{end, 9}, {5, 1}}), 1), ElementsAre(5));
}

TEST(Sampler, PenaltiesLookBackIntoTheReplyAndThePrompt) {
  Sampling sampling = greedy();
  sampling.presence_penalty = 2;
  const std::vector<float> logits = logits_with({{1, 9}, {2, 8}, {3, 7.5f}});
  Sampler reply = create(sampling).value();
  EXPECT_THAT(draw(reply, logits, 3), ElementsAre(1, 2, 3));
  Sampler prompt = create(sampling, {.context = kContext}, {1, 2}).value();
  EXPECT_THAT(draw(prompt, logits, 1), ElementsAre(3));

  sampling.penalty_last_n = 1;
  Sampler short_memory = create(sampling, {.context = kContext}, {1, 2}).value();
  EXPECT_THAT(draw(short_memory, logits, 3), ElementsAre(1, 2, 1));
  sampling.penalty_last_n = 0;
  Sampler no_memory = create(sampling, {.context = kContext}, {1, 2}).value();
  EXPECT_THAT(draw(no_memory, logits, 2), ElementsAre(1, 1));
  sampling.penalty_last_n = std::numeric_limits<int>::max();  // cut to the context
  Sampler long_memory = create(sampling, {.context = kContext}, {1}).value();
  EXPECT_THAT(draw(long_memory, logits, 1), ElementsAre(2));
}

TEST(Sampler, RepetitionIsPenalised) {
  Sampling sampling = greedy();
  sampling.repeat_penalty = 2;
  Sampler repeat = create(sampling).value();
  EXPECT_THAT(draw(repeat, logits_with({{1, 9}, {2, 8}}), 3), ElementsAre(1, 2, 1));
  sampling = greedy();
  sampling.frequency_penalty = 0.75f;
  Sampler frequency = create(sampling).value();
  EXPECT_THAT(draw(frequency, logits_with({{1, 9}, {2, 8}}), 4), ElementsAre(1, 1, 2, 1));
}

TEST(Sampler, AGrammarAdmitsOnlyItsTexts) {
  const Vocabulary& vocabulary = shipped_vocabulary();
  const auto say = [&](Sampling sampling) {
    sampling.grammar = R"(root ::= "yes" | "no")";
    sampling.seed = 9;
    Sampler sampler = create(sampling).value();
    std::string text;
    for (const Token token : draw(sampler, flat_logits(), 5)) {
      if (vocabulary.is_end(token)) return text + ".";
      text += vocabulary.piece(token);
    }
    return text;
  };
  EXPECT_THAT((std::vector{std::string("yes."), std::string("no.")}), ::testing::Contains(say(greedy())));
  EXPECT_THAT((std::vector{std::string("yes."), std::string("no.")}),
              ::testing::Contains(say({.temperature = 1, .top_k = 0})));
}

Token token_of(const std::string& text) { return shipped_vocabulary().tokenize(text, false, true).at(0); }

TEST(Sampler, ATriggeredGrammarHoldsFromItsTriggerOn) {
  const Token brace = token_of("{"), user = token_of("user"), seven = token_of("7");
  for (Sampling sampling : {greedy(), Sampling{.temperature = 1, .seed = 1}}) {
    sampling.grammar = R"(root ::= "{" [0-9] "}")";
    sampling.grammar_triggers = {"{"};
    Sampler sampler = create(sampling).value();
    const auto favoured = logits_with({{user, 20}, {seven, 10}});
    EXPECT_THAT(draw(sampler, favoured, 2), ElementsAre(user, user));
    EXPECT_THAT(draw(sampler, logits_with({{brace, 20}}), 1), ElementsAre(brace));
    EXPECT_THAT(draw(sampler, favoured, 1), ElementsAre(seven));
  }
}

TEST(Sampler, ATokenWhoseRestDoesNotFitAfterATriggerIsNotChosen) {
  const Token carrot = token_of(" carrot"), user = token_of("user");
  Sampling sampling = greedy();
  sampling.grammar_triggers = {"rr"};
  const auto logits = logits_with({{carrot, 20}, {user, 10}});
  sampling.grammar = R"(root ::= "rro" "x")";
  Sampler refused = create(sampling).value();
  EXPECT_THAT(draw(refused, logits, 1), ElementsAre(user));
  sampling.grammar = R"(root ::= "rro" "t" "x")";
  Sampler chosen = create(sampling).value();
  EXPECT_THAT(draw(chosen, logits, 2), ElementsAre(carrot, token_of("x")));

  // Also where all of the best are refused, which takes a look at all tokens, here a piece at a time.
  const auto does_not_fit = [](Token token) {
    const std::string piece = shipped_vocabulary().piece(token);
    return piece.contains('e') && !piece.ends_with('e');
  };
  for (Token token = 0; token < shipped_vocabulary().size(); ++token) {
    if (does_not_fit(token)) sampling.logit_bias.emplace_back(token, 10.0f);
  }
  sampling.grammar = R"(root ::= "e" "7")";
  sampling.grammar_triggers = {"e"};
  Sampler all = create(sampling).value();
  SamplerScratch scratch;
  std::optional<Token> token;
  int calls = 0;
  do {
    token = all.sample(flat_logits(), scratch, 100).value();
    ++calls;
  } while (all.is_choosing());
  EXPECT_GT(calls, 1);
  ASSERT_TRUE(token);
  EXPECT_FALSE(does_not_fit(*token)) << shipped_vocabulary().piece(*token);
}

TEST(Sampler, AThoughtEndsWhereItsBudgetEnds) {
  const Token user = token_of("user");
  const std::vector<Token> end = shipped_vocabulary().tokenize("</end>", false, true);
  Sampling sampling = greedy();
  sampling.logit_bias = {{end[0], -kInfinity}};
  sampling.presence_penalty = 1;
  sampling.thought = {.tokens = 2, .end = "</end>", .is_open = true};
  Sampler sampler = create(sampling).value();
  std::vector<Token> expected = {user, user};
  expected.insert(expected.end(), end.begin(), end.end());
  expected.insert(expected.end(), {user, user, user});
  EXPECT_EQ(draw(sampler, logits_with({{user, 20}}), static_cast<int>(expected.size())), expected);
}

TEST(Sampler, AForcedTokenKeepsToTheGrammar) {
  const auto text_of = [](const Sampling& sampling) {
    Sampler sampler = create(sampling).value();
    std::string text;
    for (const Token token : draw(sampler, logits_with({{token_of("7"), 20}}), 40)) {
      text += shipped_vocabulary().piece(token);
    }
    return text;
  };
  Sampling sampling = greedy();
  sampling.thought = {.tokens = 3, .end = "</end>", .is_open = true};
  sampling.grammar = R"(root ::= [0-9]+ "</end>" "!"{5})";
  EXPECT_EQ(text_of(sampling), "777</end>!!!!!");
  sampling.grammar = R"(root ::= [0-9]{9} "</end>!")";  // ends later than the budget
  EXPECT_EQ(text_of(sampling), "777777777</end>!");
  sampling.grammar = R"(root ::= [0-9]{9})";  // has no end of a thought
  EXPECT_EQ(text_of(sampling), "777777777");
}

TEST(Sampler, AnOptionalGrammarThatCannotBeFollowedIsDropped) {
  const auto say = [](const std::string& grammar) {
    Sampling sampling{.temperature = 0, .grammar = grammar, .grammar_is_optional = true};
    Sampler sampler = create(sampling).value();
    const std::vector<float> logits = logits_with({{token_of("Z"), 2}});
    return draw(sampler, logits, 3).size();
  };
  EXPECT_EQ(say("root ::= ("), 3u);
  EXPECT_EQ(say("root ::= root"), 3u);
  EXPECT_EQ(say(R"(root ::= "ZZZZ")"), 3u);

  // Too many ways to read a sum show only in a long one.
  Sampling sampling{.temperature = 0, .grammar = "root ::= root \"+\" root | [0-9]+"};
  const auto add_up = [&] {
    Sampler sampler = create(sampling).value();
    SamplerScratch scratch;
    for (int i = 0; i < 2000; ++i) {
      if (!sampler.sample(logits_with({{token_of(i % 2 == 0 ? "1" : "+"), 2}}), scratch)) return false;
    }
    return true;
  };
  EXPECT_FALSE(add_up());
  sampling.grammar_is_optional = true;
  EXPECT_TRUE(add_up());
}

TEST(Sampler, ChoosesNothingWhenAllIsRuledOut) {
  Sampling sampling = greedy();
  sampling.grammar = R"(root ::= "no")";
  Sampler ended = create(sampling, {.ignore_end = true, .context = kContext}).value();
  std::string text;
  for (const Token token : draw(ended, flat_logits(), 9)) text += shipped_vocabulary().piece(token);
  EXPECT_EQ(text, "no");

  sampling = {.temperature = 1, .seed = 1};
  for (Token token = 0; token < shipped_vocabulary().size(); ++token)
    sampling.logit_bias.emplace_back(token, -kInfinity);
  Sampler none = create(sampling).value();
  EXPECT_THAT(draw(none, flat_logits(), 1), SizeIs(0));
}

TEST(Sampler, LogitsThatAreNoNumbersAreAnError) {
  SamplerScratch scratch;
  Sampler sampler = create(greedy()).value();
  EXPECT_EQ(sampler.sample(logits_with({{5, std::nanf("")}}), scratch).error().code, Errc::corrupt);
}

TEST(Sampler, ExtremesStayInRange) {
  SamplerScratch scratch;
  for (const Sampling& sampling : {Sampling{.temperature = 1e-30f}, Sampling{.temperature = 1e-5f},
                                   Sampling{.temperature = 3e38f}, Sampling{.top_p = 0}, Sampling{.min_p = 1},
                                   Sampling{.repeat_penalty = 1000, .logit_bias = {{3, 1e6f}}}}) {
    Sampler sampler = create(sampling).value();
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(sampler.sample(logits_with({{3, 1000}, {4, -1000}}), scratch).value());
  }
}

TEST(Sampler, RefusalsNameTheField) {
  const auto field = [](const Sampling& sampling) {
    const auto sampler = create(sampling);
    if (sampler) return std::string();
    EXPECT_EQ(sampler.error().code, Errc::invalid_argument);
    EXPECT_THAT(sampler.error().message, HasSubstr(sampler.error().field));
    return sampler.error().field;
  };
  EXPECT_EQ(field({.temperature = std::nanf("")}), "temperature");
  EXPECT_EQ(field({.temperature = kInfinity}), "temperature");
  EXPECT_EQ(field({.top_k = -1}), "top_k");
  EXPECT_EQ(field({.top_p = 1.5f}), "top_p");
  EXPECT_EQ(field({.top_p = std::nanf("")}), "top_p");
  EXPECT_EQ(field({.min_p = -0.1f}), "min_p");
  EXPECT_EQ(field({.repeat_penalty = 0}), "repeat_penalty");
  EXPECT_EQ(field({.presence_penalty = kInfinity}), "presence_penalty");
  EXPECT_EQ(field({.frequency_penalty = std::nanf("")}), "frequency_penalty");
  EXPECT_EQ(field({.penalty_last_n = -2}), "penalty_last_n");
  EXPECT_EQ(field({.logit_bias = {{-1, 0}}}), "logit_bias");
  EXPECT_EQ(field({.logit_bias = {{shipped_vocabulary().size(), 0}}}), "logit_bias");
  EXPECT_EQ(field({.logit_bias = {{0, kInfinity}}}), "logit_bias");
  EXPECT_EQ(field({.grammar = "root ::= ("}), "grammar");
  EXPECT_EQ(field({.grammar = "root ::= \"a\"", .grammar_triggers = {""}}), "grammar_triggers");
  EXPECT_EQ(field({.grammar_triggers = {"a"}}), "grammar_triggers");
  EXPECT_EQ(field({.thought = {.tokens = -2}}), "thought");
  EXPECT_EQ(field({.thought = {.tokens = 1}}), "thought");
  EXPECT_EQ(field({.grammar = "root ::= root \"a\""}), "grammar");  // left recursion
}

TEST(LogProbs, AreThoseOfTheWholeVocabulary) {
  const std::vector<float> logits = logits_with({{7, 3}, {90, 5}, {91, 5}});
  const LogProbs logprobs(logits);
  double sum = 0;
  for (Token token = 0; token < static_cast<Token>(logits.size()); ++token)
    sum += std::exp(logprobs.of(token));
  EXPECT_NEAR(sum, 1, 1e-4);
  EXPECT_NEAR(logprobs.of(90) - logprobs.of(7), 2, 1e-5);
  EXPECT_THAT(logprobs.top(4), ElementsAre(90, 91, 7, 0));
  EXPECT_THAT(logprobs.top(0), SizeIs(0));
  EXPECT_THAT(logprobs.top(1 << 20), SizeIs(logits.size()));
}

}  // namespace
}  // namespace banyan
