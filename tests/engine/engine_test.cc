#include "banyan/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <thread>

#include "engine/engine_tools.h"
#include "engine/machine_memory.h"
#include "support/failing_new.h"

namespace banyan {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string kNotes =
    "My cat is called Fen. The code for the red gate is 4821. Mora's favourite fruit is plum. "
    "Talo arrives on Friday. I live in Sano. My name is Bela.";

std::string ask(const std::string& question) { return system_message(kNotes) + user_message(question); }

// Words without end, for replies that must run until something stops them.
Request endless(const std::string& prompt, int max_tokens = -1) {
  Request request = greedy(prompt, max_tokens);
  request.ignore_eos = true;
  return request;
}

class EngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { engine_ = start_engine().release(); }
  static void TearDownTestSuite() {
    EXPECT_THAT(engine_->check(), IsEmpty());
    EXPECT_EQ(engine_->status().cache.open_sessions, 0u);
    delete engine_;
  }
  Engine& engine() { return *engine_; }

 private:
  static inline Engine* engine_ = nullptr;
};

TEST_F(EngineTest, AnswersFromItsContext) {
  EXPECT_EQ(run(engine(), greedy(ask("What is my cat called?"))).text, "Your cat is called Fen.");
  EXPECT_EQ(run(engine(), greedy(ask("What is the code for the red gate?"))).text,
            "The code for the red gate is 4821.");
  EXPECT_EQ(run(engine(), greedy(ask("When does Talo arrive?"))).text, "Talo arrives on Friday.");
}

TEST_F(EngineTest, TellsWhatWasMatchedRestoredAndEvaluated) {
  run(engine(), greedy(ask("What is my name?")));
  const std::vector<Token> prompt = tokens_of(ask("Where do I live?"));
  const Outcome outcome = run(engine(), greedy(prompt));
  EXPECT_EQ(outcome.finish, Finish::end);
  const SessionStats& cache = outcome.timings.cache;
  EXPECT_EQ(cache.total, prompt.size());
  EXPECT_GE(cache.matched, tokens_of(system_message(kNotes)).size());
  EXPECT_EQ(cache.restored, cache.matched);
  // All but the last token, which was sampled and ends the reply.
  EXPECT_EQ(cache.evaluated, cache.total - cache.restored + outcome.generated.size());
  EXPECT_EQ(outcome.timings.generated, static_cast<int>(outcome.generated.size()) + 1);
  EXPECT_GT(outcome.timings.prompt_ms, 0);
  EXPECT_GE(outcome.timings.first_token_ms, outcome.timings.prompt_ms);

  const Outcome again = run(engine(), greedy(prompt));
  EXPECT_EQ(again.timings.cache.restored, prompt.size() - 1);
  EXPECT_EQ(again.timings.cache.limit, RestoreLimit::last_token);
  EXPECT_EQ(again.text, outcome.text);
}

TEST_F(EngineTest, TheNextTurnRestoresTheReply) {
  const std::string first = ask("What is my cat called?");
  const Outcome reply = run(engine(), greedy(first));
  const std::string second = first + reply.text + "<|im_end|>\n" + user_message("What is my name?");
  const Outcome next = run(engine(), greedy(second));
  EXPECT_EQ(next.text, "Your name is Bela.");
  EXPECT_EQ(next.timings.cache.restored, tokens_of(first).size() + reply.generated.size());
}

TEST_F(EngineTest, CanBeToldNotToUseTheCache) {
  run(engine(), greedy(ask("What is my name?")));
  Request request = greedy(ask("What is my name?"));
  request.reuse_cache = false;
  const Outcome outcome = run(engine(), request);
  EXPECT_EQ(outcome.timings.cache.restored, 0u);
  EXPECT_EQ(outcome.text, "Your name is Bela.");
}

TEST_F(EngineTest, ManyAtOnceSayWhatEachSaysAlone) {
  std::vector<std::string> prompts;
  for (const char* question :
       {"What is my cat called?", "Where do I live?", "Count from 3 to 9.", "Spell Marol.",
        "What is 12 plus 7?", "When does Talo arrive?", "Hello.", "Who are you?"}) {
    prompts.push_back(ask(question));
    prompts.push_back(system_message("My dog is called Rex.") + user_message(question));
  }
  std::vector<std::string> alone;
  for (const std::string& prompt : prompts) {
    Request request = greedy(prompt);
    request.reuse_cache = false;
    alone.push_back(run(engine(), request).text);
  }
  for (int round = 0; round < 2; ++round) {
    std::vector<Generation> generations;
    for (const std::string& prompt : prompts) generations.push_back(engine().submit(greedy(prompt)).value());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      EXPECT_EQ(outcome_of(std::move(generations[i])).text, alone[i]) << prompts[i];
    }
  }
}

TEST(Engine, PromptsThatArriveTogetherEvaluateWhatTheyShareOnce) {
  const auto engine = start_engine({.batch_tokens = 32});
  const std::size_t trunk = tokens_of(system_message(kNotes)).size();
  std::vector<Generation> generations;
  std::size_t tails = 0;
  for (const char* question :
       {"What is my cat called?", "Where do I live?", "What is my name?", "Hello.", "Hello."}) {
    const std::vector<Token> prompt = tokens_of(ask(question));
    tails += prompt.size() - trunk;
    generations.push_back(engine->submit(greedy(prompt, 1)).value());
  }
  std::size_t evaluated = 0;
  for (Generation& generation : generations)
    evaluated += outcome_of(std::move(generation)).timings.cache.evaluated;
  EXPECT_GE(evaluated, trunk);
  EXPECT_LE(evaluated, trunk + tails);
  EXPECT_THAT(engine->check(), IsEmpty());
}

TEST(Engine, ConversationsOnATrunkEvaluateOnlyWhatIsNew) {
  constexpr std::size_t kConversations = 16, kTrunk = 700, kUser = 24, kReply = 6;
  const auto engine = start_engine({.batch_tokens = 128, .max_running = 8});
  std::mt19937 random(7);
  const auto random_tokens = [&](std::size_t count) {
    std::vector<Token> tokens(count);
    for (Token& token : tokens) token = static_cast<Token>(300 + random() % 1500);
    return tokens;
  };
  std::vector<std::vector<Token>> conversations(kConversations, random_tokens(kTrunk));
  for (int turn = 0; turn < 3; ++turn) {
    std::vector<Generation> generations;
    for (std::size_t i = 0; i < kConversations; ++i) {
      std::vector<Token> user = random_tokens(kUser);
      user[0] = static_cast<Token>(100 + i);  // no two go on alike
      conversations[i].insert(conversations[i].end(), user.begin(), user.end());
      Request request = greedy(conversations[i], kReply);
      request.ignore_eos = true;
      generations.push_back(engine->submit(std::move(request)).value());
    }
    std::size_t evaluated = 0;
    for (std::size_t i = 0; i < kConversations; ++i) {
      const Outcome outcome = outcome_of(std::move(generations[i]));
      evaluated += outcome.timings.cache.total - outcome.timings.cache.restored;
      for (const Token token : outcome.tokens()) conversations[i].push_back(token);
    }
    // The last token of a reply was sampled and not evaluated.
    EXPECT_EQ(evaluated, turn == 0 ? kTrunk + kConversations * kUser : kConversations * (kUser + 1));
  }
  EXPECT_EQ(engine->status().cache.evaluated_tokens,
            kTrunk + 3 * kConversations * (kUser + kReply) - kConversations);
  EXPECT_THAT(engine->check(), IsEmpty());
}

TEST_F(EngineTest, ChoicesShareThePromptAndDifferBySeed) {
  Request request{.prompt = tokens_of(system_message(kNotes + " Choices.") + user_message("Say: milk")),
                  .sampling = {.temperature = 1.5f, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 5},
                  .max_tokens = 8,
                  .choices = 4,
                  .ignore_eos = true};
  const std::uint64_t before = engine().status().cache.evaluated_tokens;
  const std::vector<Outcome> outcomes = outcomes_of(engine().submit(request).value(), 4);
  std::set<std::string> texts;
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.finish, Finish::length);
    EXPECT_EQ(outcome.timings.generated, 8);
    texts.insert(outcome.text);
  }
  EXPECT_THAT(texts, SizeIs(4));
  for (int i = 1; i < 4; ++i) EXPECT_EQ(outcomes[i].timings.cache.restored, request.prompt.size() - 1);
  // The prompt but for what others knew of it; a token for each further choice's first logits; and all that
  // was said but each choice's last token.
  EXPECT_EQ(engine().status().cache.evaluated_tokens - before,
            request.prompt.size() - outcomes[0].timings.cache.restored + 3 + 4 * 7);

  // Choice i samples as a request with the seed i higher.
  request.choices = 1;
  request.sampling.seed = 7;
  EXPECT_EQ(run(engine(), request).text, outcomes[2].text);
}

TEST_F(EngineTest, TheSameSeedSaysTheSame) {
  Request request{.prompt = tokens_of(ask("Hello.")),
                  .sampling = {.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 11},
                  .max_tokens = 12};
  const std::string text = run(engine(), request).text;
  EXPECT_EQ(run(engine(), request).text, text);
  request.sampling.seed = 12;
  EXPECT_NE(run(engine(), request).text, text);
}

TEST_F(EngineTest, StopStringsEndTheReplyBeforeThem) {
  Request request = greedy(ask("What is the code for the red gate?"));
  request.stop = {" is 4", "gate"};
  const Outcome outcome = run(engine(), request);
  EXPECT_EQ(outcome.finish, Finish::stop);
  EXPECT_EQ(outcome.stop_word, "gate");
  EXPECT_EQ(outcome.text, "The code for the red ");
  std::string bytes;
  for (const GeneratedToken& token : outcome.generated) bytes += token.bytes;
  EXPECT_THAT(bytes, StartsWith(outcome.text));
}

TEST_F(EngineTest, BiasForcesAToken) {
  const Token forced = tokens_of(" blue").at(0);
  Request request = greedy(ask("Hello."), 3);
  request.sampling.logit_bias = {{forced, 1000}};
  EXPECT_THAT(run(engine(), request).tokens(), ElementsAre(forced, forced, forced));
}

TEST_F(EngineTest, AGrammarConstrainsTheReply) {
  Request request = greedy(ask("What is my cat called?"));
  request.sampling.grammar = R"(root ::= "yes" | "no")";
  const Outcome outcome = run(engine(), request);
  EXPECT_THAT(outcome.text, AnyOf("yes", "no"));
  EXPECT_EQ(outcome.finish, Finish::end);

  request.sampling.grammar = R"(root ::= "{\"code\": " [0-9]{4} "}")";
  EXPECT_THAT(run(engine(), request).text, ::testing::MatchesRegex("\\{\"code\": [0-9][0-9][0-9][0-9]\\}"));

  request.ignore_eos = true;  // at the grammar's end nothing is left to say
  EXPECT_EQ(run(engine(), request).finish, Finish::end);
}

TEST_F(EngineTest, LogProbabilitiesAreThoseOfTheModel) {
  Request request = greedy(ask("What is my cat called?"));
  request.top_logprobs = 5;
  const Outcome outcome = run(engine(), request);
  ASSERT_FALSE(outcome.generated.empty());
  std::string bytes;
  for (const GeneratedToken& token : outcome.generated) {
    bytes += token.bytes;
    ASSERT_THAT(token.top, SizeIs(5));
    EXPECT_EQ(token.top[0].token, token.token);  // greedy
    EXPECT_EQ(token.top[0].bytes, token.bytes);
    EXPECT_EQ(token.top[0].logprob, token.logprob);
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      sum += std::exp(token.top[i].logprob);
      EXPECT_LE(token.top[i].logprob, token.top[i > 0 ? i - 1 : 0].logprob);
    }
    EXPECT_LE(sum, 1 + 1e-5);
  }
  EXPECT_EQ(bytes, outcome.text);

  request.top_logprobs = shipped_vocabulary().size();
  request.max_tokens = 1;
  double sum = 0;
  for (const TokenProbability& other : run(engine(), request).generated.at(0).top)
    sum += std::exp(other.logprob);
  EXPECT_NEAR(sum, 1, 1e-4);

  request.top_logprobs = 0;
  EXPECT_EQ(run(engine(), request).generated.at(0).logprob, 0);
  request.logprobs = true;
  EXPECT_LT(run(engine(), request).generated.at(0).logprob, 0);
}

TEST_F(EngineTest, EndTokensCanBeIgnored) {
  EXPECT_LT(run(engine(), greedy(ask("What is my cat called?"), 20)).generated.size(), 20u);
  const Outcome outcome = run(engine(), endless(ask("What is my cat called?"), 20));
  EXPECT_THAT(outcome.generated, SizeIs(20));
  EXPECT_EQ(outcome.finish, Finish::length);
  for (const Token token : outcome.tokens()) EXPECT_FALSE(shipped_vocabulary().is_end(token));
}

TEST_F(EngineTest, NoTokensOnlyWarmTheCache) {
  const std::vector<Token> prompt = tokens_of(system_message(kNotes + " Warm.") + user_message("Hello."));
  const Outcome outcome = run(engine(), greedy(prompt, 0));
  EXPECT_EQ(outcome.finish, Finish::length);
  EXPECT_EQ(outcome.text, "");
  EXPECT_THAT(outcome.generated, IsEmpty());
  EXPECT_EQ(run(engine(), greedy(prompt, 1)).timings.cache.restored, prompt.size() - 1);
}

TEST(Engine, TheReplyEndsWithTheContext) {
  const auto engine = start_engine({.context = 64});
  const std::vector<Token> prompt = tokens_of(user_message("Hello."));
  const Outcome outcome = run(*engine, endless(user_message("Hello.")));
  EXPECT_EQ(outcome.finish, Finish::length);
  EXPECT_EQ(prompt.size() + outcome.generated.size(), 64u);

  EXPECT_TRUE(engine->submit(greedy(std::vector<Token>(63, 5))));
  const auto refused = engine->submit(greedy(std::vector<Token>(64, 5)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_long);
  EXPECT_THAT(refused.error().message, HasSubstr("64"));
}

TEST_F(EngineTest, RefusalsNameTheField) {
  const auto field = [&](const std::function<void(Request&)>& spoil) {
    Request request = greedy(ask("Hello."));
    spoil(request);
    const auto generation = engine().submit(request);
    if (generation) return std::string();
    EXPECT_EQ(generation.error().code, Errc::invalid_argument);
    return generation.error().field;
  };
  EXPECT_EQ(field([](Request& r) { r.prompt.clear(); }), "prompt");
  EXPECT_EQ(field([](Request& r) { r.prompt[0] = -1; }), "prompt");
  EXPECT_EQ(field([](Request& r) { r.prompt[0] = shipped_vocabulary().size(); }), "prompt");
  EXPECT_EQ(field([](Request& r) { r.max_tokens = -2; }), "max_tokens");
  EXPECT_EQ(field([](Request& r) { r.choices = 0; }), "choices");
  EXPECT_EQ(field([](Request& r) { r.choices = 100'000; }), "choices");
  EXPECT_EQ(field([](Request& r) { r.stop = {"a", ""}; }), "stop");
  EXPECT_EQ(field([](Request& r) { r.top_logprobs = -1; }), "top_logprobs");
  EXPECT_EQ(field([](Request& r) { r.sampling.top_p = 2; }), "top_p");
  EXPECT_EQ(field([](Request& r) { r.sampling.grammar = "x"; }), "grammar");
  EXPECT_EQ(field([](Request& r) { r.restore_points = {{.offset = 0}}; }), "restore_points");
  EXPECT_EQ(field([](Request& r) { r.restore_points = {{.offset = r.prompt.size() + 1}}; }),
            "restore_points");
}

TEST_F(EngineTest, ACancelledPromptKeepsWhatItPassed) {
  std::string notes;
  for (int i = 0; i < 250; ++i) notes += "The code for the blue attic is " + std::to_string(1000 + i) + ". ";
  const std::vector<Token> prompt = tokens_of(system_message(notes) + user_message("Hello."));
  ASSERT_GT(prompt.size(), 2000u);
  const std::uint64_t steps = engine().status().steps;
  Generation generation = engine().submit(greedy(prompt)).value();
  while (engine().status().steps < steps + 2) std::this_thread::yield();
  generation.cancel();
  EXPECT_FALSE(generation.next());
  while (engine().status().running > 0) std::this_thread::yield();
  EXPECT_THAT(engine().check(), IsEmpty());

  const Outcome retry = run(engine(), greedy(prompt));
  EXPECT_EQ(retry.finish, Finish::end);
  EXPECT_GE(retry.timings.cache.restored, 64u + 32u) << "two steps, however slow the machine";
}

TEST_F(EngineTest, ADestroyedGenerationStopsItsWork) {
  const std::uint64_t before = engine().status().generated_tokens;
  {
    Generation generation = engine().submit(endless(ask("Hello."))).value();
    ASSERT_TRUE(generation.next());
  }
  while (engine().status().running > 0) std::this_thread::yield();
  EXPECT_LT(engine().status().generated_tokens - before, 4000u);  // of the 8000 that fit
  EXPECT_EQ(engine().status().cache.open_sessions, 0u);
  EXPECT_THAT(engine().check(), IsEmpty());
}

TEST_F(EngineTest, AMovedGenerationIsTheSameClient) {
  Generation first = engine().submit(greedy(ask("What is my cat called?"))).value();
  Generation second = std::move(first);
  EXPECT_FALSE(first.next());
  second = engine().submit(greedy(ask("What is my name?"))).value();  // cancels the first request
  EXPECT_EQ(outcome_of(std::move(second)).text, "Your name is Bela.");
}

TEST_F(EngineTest, WaitingForADeltaCanBeCutShort) {
  Generation generation = engine().submit(greedy(ask("What is my cat called?"))).value();
  Delta delta;
  std::string text;
  for (Generation::Wait wait = Generation::Wait::pending; wait != Generation::Wait::done;) {
    wait = generation.next_for(std::chrono::milliseconds(1), delta);
    if (wait == Generation::Wait::ready) text += delta.text;
  }
  EXPECT_EQ(text, "Your cat is called Fen.");
}

TEST(Engine, AFullQueueIsBusy) {
  const auto engine = start_engine({.max_running = 1, .max_queued = 2});
  std::vector<Generation> generations;
  generations.push_back(engine->submit(endless(ask("Hello."))).value());
  ASSERT_TRUE(generations[0].next());
  while (engine->status().running < 1) std::this_thread::yield();
  generations.push_back(engine->submit(greedy(ask("Hello."))).value());
  generations.push_back(engine->submit(greedy(ask("Hello."))).value());
  const auto refused = engine->submit(greedy(ask("Hello.")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
  EXPECT_EQ(engine->status().queued, 2);

  generations.erase(generations.begin());
  for (Generation& generation : generations) EXPECT_EQ(outcome_of(std::move(generation)).finish, Finish::end);
}

TEST(Engine, StopsAtOnceOrWhenAllIsSaid) {
  for (const bool drain : {false, true}) {
    const auto engine = start_engine({.max_running = 2});
    std::vector<Generation> generations;
    for (int i = 0; i < 4; ++i) generations.push_back(engine->submit(endless(ask("Hello."), 300)).value());
    ASSERT_TRUE(generations[0].next());
    engine->stop(drain);
    engine->stop(drain);
    for (Generation& generation : generations) {
      const Outcome outcome = outcome_of(std::move(generation));
      EXPECT_EQ(outcome.finish, drain ? Finish::length : Finish::error);
      if (!drain) {
        EXPECT_EQ(outcome.error.value().code, Errc::cancelled);
      }
    }
    EXPECT_EQ(engine->submit(greedy(ask("Hello."))).error().code, Errc::cancelled);
    EXPECT_EQ(engine->status().running, 0);
    EXPECT_THAT(engine->check(), IsEmpty());  // also once it has stopped
    EXPECT_THAT(engine->dump_cache_json(), HasSubstr("{"));
  }
}

TEST(Engine, AGenerationMayOutliveItsEngine) {
  auto engine = start_engine();
  Generation generation = engine->submit(endless(ask("Hello."))).value();
  engine.reset();
  EXPECT_EQ(outcome_of(std::move(generation)).finish, Finish::error);
}

TEST_F(EngineTest, DumpsShowTheTextOfTheTrie) {
  run(engine(), greedy(ask("What is my cat called?")));
  EXPECT_THAT(engine().dump_cache_text(), HasSubstr("You are Tally"));
  EXPECT_THAT(engine().dump_cache_json(), HasSubstr("You are Tally"));
}

TEST_F(EngineTest, RestorePointsMarkTheTrie) {
  const std::vector<Token> prompt = tokens_of(system_message(kNotes + " Marked.") + user_message("Hello."));
  Request request = greedy(prompt);
  request.restore_points = {{.offset = tokens_of(system_message(kNotes + " Marked.")).size(), .user = true}};
  run(engine(), request);
  EXPECT_THAT(engine().dump_cache_text(), HasSubstr("user"));
}

TEST(EngineUnderPressure, ManyRepliesShareALittleMemory) {
  std::vector<std::string> prompts;
  for (int i = 0; i < 12; ++i) {
    prompts.push_back(system_message("My cat is called Fen. The code for the red gate is " +
                                     std::to_string(1000 + i * 7) + ".") +
                      user_message("What is the code for the red gate?"));
  }
  std::vector<std::vector<Token>> expected;
  {
    const auto engine = start_engine();
    for (const std::string& prompt : prompts) expected.push_back(run(*engine, endless(prompt, 200)).tokens());
  }
  // Scratch and about two of the twelve replies.
  const auto engine = start_engine({.memory_bytes = std::size_t{6} << 20, .batch_tokens = 64});
  std::vector<Generation> generations;
  for (const std::string& prompt : prompts)
    generations.push_back(engine->submit(endless(prompt, 200)).value());
  int same = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const Outcome outcome = outcome_of(std::move(generations[i]));
    EXPECT_EQ(outcome.finish, Finish::length) << (outcome.error ? outcome.error->message : "");
    EXPECT_THAT(outcome.generated, SizeIs(200));
    same += outcome.tokens() == expected[i];
  }
  EXPECT_EQ(same, 12);
  EXPECT_LE(engine->status().memory_peak, engine->status().memory_limit);
  EXPECT_GT(engine->status().cache.sessions, 12u)
      << "none was set aside: the budget is too wide for this test";
  EXPECT_THAT(engine->check(), IsEmpty());
}

TEST(EngineUnderPressure, APromptThatCanNeverFitIsRefusedAndCostsNoOneAnything) {
  const auto engine = start_engine({.memory_bytes = std::size_t{8} << 20, .batch_tokens = 64});
  EXPECT_EQ(run(*engine, greedy(ask("What is my cat called?"))).text, "Your cat is called Fen.");
  const std::size_t kept = engine->status().cache.tokens;

  const auto refused = engine->submit(greedy(std::vector<Token>(6000, 5)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_long);
  EXPECT_EQ(refused.error().field, "prompt");
  EXPECT_THAT(refused.error().message, HasSubstr("6000 tokens"));
  EXPECT_THAT(refused.error().message, HasSubstr(std::to_string(std::size_t{8} << 20)));
  EXPECT_THAT(engine->check(), IsEmpty());
  EXPECT_EQ(engine->status().cache.tokens, kept);
  EXPECT_EQ(engine->status().cache.evictions, 0u);
}

TEST(EngineUnderPressure, WhatFitsIsAnsweredWhateverWasSaidBefore) {
  const auto engine = start_engine({.memory_bytes = std::size_t{6} << 20});
  const auto say = [&](std::size_t tokens, int reply) {
    std::vector<Token> prompt(tokens, 5);
    prompt.push_back(6);
    Request request = greedy(prompt, reply);
    request.ignore_eos = true;
    return run(*engine, request);
  };
  // Each goes on from the one before, and leaves behind the rest of a segment.
  for (const std::size_t tokens : {10u, 200u, 500u, 800u, 1200u}) {
    const Outcome outcome = say(tokens, 300);
    EXPECT_FALSE(outcome.error) << outcome.error->message;
    EXPECT_THAT(outcome.generated, SizeIs(300));
  }
  // One that all but fills the memory is no reason to refuse others, though they begin in the same way.
  EXPECT_FALSE(say(1500, 200).error);
  EXPECT_FALSE(say(10, 300).error);
  EXPECT_THAT(engine->check(), IsEmpty());
}

TEST(EngineUnderPressure, APromptThatFitsIsReadInSmallerStepsWhereTheScratchOfLargeOnesLeavesNoRoom) {
  const auto engine = start_engine({.memory_bytes = std::size_t{16} << 20});
  const Outcome outcome = run(*engine, greedy(std::vector<Token>(3000, 5), 4));
  EXPECT_FALSE(outcome.error) << outcome.error->message;
  EXPECT_THAT(engine->check(), IsEmpty());
}

TEST(EngineUnderPressure, AReplyThatOutgrowsTheMemoryEndsAsOneThatOutgrowsTheContext) {
  const auto engine = start_engine({.memory_bytes = std::size_t{8} << 20, .batch_tokens = 64});
  Request request = greedy(std::vector<Token>(100, 5), 5000);
  request.ignore_eos = true;
  const Outcome outcome = run(*engine, request);
  EXPECT_EQ(outcome.finish, Finish::length);
  EXPECT_FALSE(outcome.error);
  EXPECT_THAT(outcome.text, ::testing::Not(IsEmpty()));
  const Outcome next = run(*engine, greedy(ask("What is my cat called?")));
  EXPECT_EQ(next.text, "Your cat is called Fen.") << (next.error ? next.error->message : "");
}

// The weights of a model that is rearranged leave what is available while it is loaded.
TEST(Engine, TakesHalfOfWhatTheWeightsLeaveAndCountsThemOnce) {
  constexpr std::size_t kGib = std::size_t{1} << 30;
  for (const std::size_t weights_in_gib : {0, 40}) {
    bool loaded = false;
    const auto engine =
        Engine::start({.model_path = shipped_model(),
                       .threads = 1,
                       .available_memory = [&] { return (loaded ? 64 - weights_in_gib : 64) * kGib; },
                       .load_progress =
                           [&](float) {
                             loaded = true;
                             return true;
                           }})
            .value();
    EXPECT_TRUE(loaded);
    EXPECT_EQ(engine->options().memory_bytes,
              default_memory_budget(64 * kGib, engine->model().info().file_bytes));
  }
}

TEST(Engine, EveryChoiceTakesAPlaceInTheQueue) {
  const auto engine = start_engine({.max_running = 1, .max_queued = 8});
  std::vector<Generation> generations;
  generations.push_back(engine->submit(endless(ask("Hello."))).value());
  ASSERT_TRUE(generations[0].next());
  while (engine->status().running < 1) std::this_thread::yield();
  Request request = greedy(ask("What is my cat called?"));
  request.choices = 5;
  generations.push_back(engine->submit(request).value());
  EXPECT_EQ(engine->status().queued, 5);
  EXPECT_EQ(engine->submit(request).error().code, Errc::busy);
  request.choices = 3;
  generations.push_back(engine->submit(request).value());
  EXPECT_EQ(engine->status().queued, 8);
  EXPECT_EQ(engine->submit(greedy(ask("Hello."))).error().code, Errc::busy);

  generations.erase(generations.begin());
  EXPECT_THAT(outcomes_of(std::move(generations[0]), 5), SizeIs(5));
  EXPECT_THAT(outcomes_of(std::move(generations[1]), 3), SizeIs(3));
  // Where nothing waits, more choices than there are places are taken.
  request.choices = 20;
  for (const Outcome& outcome : outcomes_of(engine->submit(request).value(), 20)) {
    EXPECT_EQ(outcome.text, "Your cat is called Fen.");
  }
}

// The engine's thread finds no memory for anything, for a while.
TEST(EngineUnderPressure, GoesOnOnceTheSystemHasMemoryAgain) {
  const auto engine = start_engine();
  for (int i = 0; i < 5; ++i) {
    Generation running = engine->submit(endless(ask("Hello."))).value();
    ASSERT_TRUE(running.next());
    Generation waiting = engine->submit(greedy(ask("What is my cat called?"))).value();
    test::fail_allocations_of_others();
    while (engine->status().running > 0) std::this_thread::yield();
    EXPECT_TRUE(test::let_allocate());
    while (running.next()) {  // ends
    }
    while (waiting.next()) {
    }
    EXPECT_THAT(engine->check(), IsEmpty());
    EXPECT_EQ(engine->status().cache.open_sessions, 0u);
    EXPECT_EQ(run(*engine, greedy(ask("What is my cat called?"))).text, "Your cat is called Fen.");
  }
}

TEST(EngineUnderPressure, ScratchThatDoesNotFitMakesStepsSmaller) {
  // Room for some rows, not for 512 together.
  const auto engine = start_engine({.memory_bytes = std::size_t{12} << 20, .batch_tokens = 512});
  const Outcome outcome = run(*engine, greedy(std::vector<Token>(600, 5), 4));
  EXPECT_EQ(outcome.finish, Finish::length) << (outcome.error ? outcome.error->message : "");
}

TEST(Engine, RefusesOptionsAndFilesThatCannotBe) {
  const auto code = [](EngineOptions options) {
    const auto engine = Engine::start(options);
    return engine ? std::optional<Errc>() : std::optional(engine.error().code);
  };
  EXPECT_EQ(code({.model_path = "/no/such/model.gguf"}), Errc::io);
  EXPECT_EQ(code({.model_path = shipped_model(), .context = -1}), Errc::invalid_argument);
  EXPECT_EQ(code({.model_path = shipped_model(), .batch_tokens = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.model_path = shipped_model(), .delay_factor = 0.5}), Errc::invalid_argument);
  EXPECT_EQ(code({.model_path = shipped_model(), .max_running = 0}), Errc::invalid_argument);
  EXPECT_EQ(code({.model_path = shipped_model(), .memory_bytes = 1}), Errc::out_of_memory);
  EXPECT_EQ(code({.model_path = shipped_model(), .load_progress = [](float) { return false; }}),
            Errc::cancelled);
}

TEST(Engine, FillsInWhatZeroStandsFor) {
  const auto engine =
      Engine::start({.model_path = shipped_model(), .batch_tokens = 16, .max_running = 64}).value();
  EXPECT_EQ(engine->options().context, engine->model().info().context);
  EXPECT_GT(engine->options().memory_bytes, 0u);
  EXPECT_GT(engine->options().threads, 0);
  EXPECT_EQ(engine->options().max_running, 16);
  EXPECT_EQ(engine->status().memory_limit, engine->options().memory_bytes);
}

}  // namespace
}  // namespace banyan
