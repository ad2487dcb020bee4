// Replies whose tokens are not the model's alone to choose: grammars that a text triggers, thoughts with a
// limit, and the text of control tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/engine_tools.h"

namespace banyan {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string ask(const std::string& question) {
  return system_message("My cat is called Fen. I live in Sano.") + user_message(question);
}

std::string text_of(const std::vector<GeneratedToken>& tokens) {
  std::string text;
  for (const GeneratedToken& token : tokens) text += token.bytes;
  return text;
}

class ConstrainedReply : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { engine_ = start_engine().release(); }
  static void TearDownTestSuite() {
    EXPECT_THAT(engine_->check(), IsEmpty());
    delete engine_;
  }
  Engine& engine() { return *engine_; }

 private:
  static inline Engine* engine_ = nullptr;
};

TEST_F(ConstrainedReply, KeepsToAGrammarFromItsTriggerOn) {
  Request request = greedy(ask("What is my cat called?"));
  EXPECT_EQ(run(engine(), request).text, "Your cat is called Fen.");
  request.sampling.grammar = R"(root ::= "called {" [0-9]{3} "}")";
  request.sampling.grammar_triggers = {"no such text", "called"};
  const Outcome outcome = run(engine(), request);
  EXPECT_THAT(outcome.text, MatchesRegex("Your cat is called \\{[0-9][0-9][0-9]\\}"));
  EXPECT_EQ(outcome.text, text_of(outcome.generated));
  EXPECT_EQ(outcome.finish, Finish::end);

  request.sampling.grammar_triggers = {"no such text"};
  EXPECT_EQ(run(engine(), request).text, "Your cat is called Fen.");
}

TEST_F(ConstrainedReply, IsToldToEndItsThought) {
  const std::string end = ". Well: ";
  const std::vector<Token> closing = shipped_vocabulary().tokenize(end, false, true);
  Request request = greedy(ask("What is my cat called?"));
  request.ignore_eos = true;
  std::vector<Token> expected = run(engine(), request).tokens();
  expected.resize(3);
  request.sampling.thought = {.tokens = 3, .end = end, .is_open = true};
  request.logprobs = true;
  const Outcome outcome = run(engine(), request);
  expected.insert(expected.end(), closing.begin(), closing.end());
  std::vector<Token> tokens = outcome.tokens();
  ASSERT_GT(tokens.size(), expected.size());
  tokens.resize(expected.size());
  EXPECT_EQ(tokens, expected);
  EXPECT_EQ(outcome.text, text_of(outcome.generated));

  // What is reported of a token that was not the model's choice is its own probability.
  Request all = greedy(request.prompt, 1);
  all.prompt.insert(all.prompt.end(), expected.begin(), expected.begin() + 3);
  all.top_logprobs = shipped_vocabulary().size();
  const auto top = run(engine(), all).generated.at(0).top;
  const auto own = std::ranges::find(top, closing[0], &TokenProbability::token);
  ASSERT_NE(own, top.end());
  EXPECT_NEAR(outcome.generated[3].logprob, own->logprob, 1e-3);

  // And goes on as if the model had said it.
  Request after = greedy(request.prompt);
  after.prompt.insert(after.prompt.end(), expected.begin(), expected.end());
  EXPECT_THAT(outcome.text,
              StartsWith(shipped_vocabulary().detokenize(expected) + run(engine(), after).text));
}

TEST_F(ConstrainedReply, EachChoiceHasItsThoughtsLimit) {
  const std::vector<Token> closing = shipped_vocabulary().tokenize("</end>", false, true);
  Request request{.prompt = tokens_of(ask("Hello.")),
                  .sampling = {.temperature = 1.5f,
                               .top_k = 0,
                               .seed = 5,
                               .thought = {.tokens = 4, .end = "</end>", .is_open = true}},
                  .max_tokens = 16,
                  .choices = 3,
                  .ignore_eos = true};
  for (const Outcome& outcome : outcomes_of(engine().submit(request).value(), 3)) {
    std::vector<Token> tokens = outcome.tokens();
    ASSERT_THAT(tokens, SizeIs(16));
    tokens.erase(tokens.begin(), tokens.begin() + 4);
    tokens.resize(closing.size());
    EXPECT_EQ(tokens, closing);
  }
}

TEST_F(ConstrainedReply, MayHaveTheTextOfControlTokens) {
  Request request = greedy(ask("Hello."));
  request.sampling.grammar = R"(root ::= "<|im_start|>user")";
  request.sampling.grammar_triggers = {"no such text", "<|"};
  request.sampling.logit_bias = {{tokens_of("<|im_start|>")[0], 100}};
  request.max_tokens = 4;
  const Outcome hidden = run(engine(), request);
  EXPECT_THAT(hidden.tokens(), Contains(tokens_of("<|im_start|>")[0]));
  request.special_text = true;
  EXPECT_EQ(run(engine(), request).text, "<|im_start|>" + hidden.text);
  request.sampling.grammar_triggers.clear();
  EXPECT_EQ(run(engine(), request).text, "<|im_start|>user");
}

TEST(ConstrainedReplyUnderPressure, GoesOnWhereItWasSetAside) {
  // After the thought each token but one is the grammar's, so that small differences of logits do not count.
  std::vector<Request> requests;
  for (int i = 0; i < 8; ++i) {
    Request request =
        greedy(system_message("The code for the red gate is " + std::to_string(1000 + i * 7) + ".") +
                   user_message("What is the code for the red gate?"),
               200);
    request.ignore_eos = true;
    request.sampling.thought = {.tokens = 60 + 8 * i, .end = "</end>\n{", .is_open = true};
    request.sampling.grammar_triggers = {"\n{"};
    request.sampling.grammar = R"(root ::= "\n{" [0-9] "}" "!"*)";
    requests.push_back(std::move(request));
  }
  std::vector<std::vector<Token>> expected;
  {
    const auto engine = start_engine();
    for (const Request& request : requests) expected.push_back(run(*engine, request).tokens());
  }
  const auto engine = start_engine({.memory_bytes = std::size_t{6} << 20, .batch_tokens = 64});
  std::vector<Generation> generations;
  for (const Request& request : requests) generations.push_back(engine->submit(request).value());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Outcome outcome = outcome_of(std::move(generations[i]));
    EXPECT_EQ(outcome.tokens(), expected[i]) << i;
    EXPECT_THAT(outcome.text, ContainsRegex("</end>\n\\{[0-9]\\}!+$"));
  }
  EXPECT_GT(engine->status().set_aside, 0u) << "the budget is too wide for this test";
  EXPECT_THAT(engine->check(), IsEmpty());
}

}  // namespace
}  // namespace banyan
