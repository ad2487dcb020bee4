// The runner's contract: whose logits, in which order, for how much memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tools.h"
#include "support/tiny_model.h"

namespace banyan::test {
namespace {

/// With a model of each mixture of layers.
class RunnerTest : public ::testing::TestWithParam<std::string> {
 protected:
  RunnerTest() {
    tiny_.architecture = GetParam();
    write_tiny_model(tiny_, file_.path());
  }

  std::span<const float> rows(std::span<const float> logits, int first, int count) const {
    return logits.subspan(static_cast<std::size_t>(first * tiny_.vocabulary),
                          static_cast<std::size_t>(count * tiny_.vocabulary));
  }

  TinyModel tiny_;
  TemporaryFile file_{"gguf"};
};

TEST_P(RunnerTest, GivesTheLastRowsOfEachSequenceInTheCallersOrder) {
  Subject subject(file_.path());
  const std::vector<Token> tokens = random_tokens(30, tiny_.vocabulary, 1);
  const auto trunk = subject.start();
  subject.evaluate(*trunk, tokens);
  const std::vector<std::vector<Token>> ends = {{1, 2, 3}, {4, 5}, {6}, {7, 8, 9, 10}};
  std::vector<Logits> alone;
  for (const auto& end : ends) alone.push_back(subject.evaluate(*subject.fork(*trunk), end));

  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    std::vector<Subject::Path> paths;
    std::vector<std::vector<LiveState*>> states;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      paths.push_back(subject.fork(*trunk));
      states.push_back(paths.back()->reserved(ends[order[i]].size()));
    }
    const int wanted[] = {2, 0, 1, 4};
    std::vector<Runner::Sequence> sequences;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      sequences.push_back({states[i], ends[order[i]], wanted[order[i]]});
    }
    const auto logits = subject.runner().forward(sequences);
    ASSERT_TRUE(logits) << logits.error().message;
    ASSERT_EQ(logits->size(), static_cast<std::size_t>(7 * tiny_.vocabulary));
    int row = 0;
    for (const std::size_t i : order) {
      const int length = static_cast<int>(ends[i].size());
      if (wanted[i] > 0) {
        EXPECT_LT(
            relative_error(rows(*logits, row, wanted[i]), rows(alone[i], length - wanted[i], wanted[i])),
            1e-5);
      }
      row += wanted[i];
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_P(RunnerTest, RemembersRowsWhoseLogitsNoOneWants) {
  Subject subject(file_.path());
  const std::vector<Token> tokens = random_tokens(30, tiny_.vocabulary, 1);
  const auto whole = subject.start();
  const Logits expected = subject.evaluate(*whole, tokens);

  const auto path = subject.start();
  const auto states = path->reserved(29);
  const Runner::Sequence silent{states, TokenSpan(tokens).first(29), 0};
  const auto none = subject.runner().forward({&silent, 1});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  path->commit(29);
  EXPECT_LT(relative_error(subject.evaluate(*path, {tokens.back()}), rows(expected, 29, 1)), 1e-5);
  EXPECT_TRUE(subject.runner().forward({}));
}

TEST_P(RunnerTest, AgreesForEveryNumberOfThreads) {
  const std::vector<Token> tokens = random_tokens(50, tiny_.vocabulary, 1);
  Subject one(file_.path(), KvType::f16, 1);
  const Logits expected = one.evaluate(*one.start(), tokens);
  for (const int threads : {2, 3, 7}) {
    Subject several(file_.path(), KvType::f16, threads);
    EXPECT_EQ(several.runner().threads(), threads);
    const auto path = several.start();
    Logits logits = several.evaluate(*path, {tokens.begin(), tokens.begin() + 49});
    const Logits last = several.evaluate(*path, {tokens.back()});
    logits.insert(logits.end(), last.begin(), last.end());
    EXPECT_LT(relative_error(logits, expected), 1e-5) << threads;
  }
  EXPECT_GT(Subject(file_.path(), KvType::f16, 0).runner().threads(), 0);
}

TEST_P(RunnerTest, RefusesTokensOutsideTheVocabulary) {
  Subject subject(file_.path());
  const auto path = subject.start();
  const auto states = path->reserved(2);
  for (const Token bad : {-1, tiny_.vocabulary, INT32_MAX}) {
    const std::vector<Token> tokens = {1, bad};
    const Runner::Sequence sequence{states, tokens, 1};
    const auto logits = subject.runner().forward({&sequence, 1});
    ASSERT_FALSE(logits);
    EXPECT_EQ(logits.error().code, Errc::invalid_argument);
    EXPECT_THAT(logits.error().message, ::testing::HasSubstr("token " + std::to_string(bad)));
  }
}

TEST_P(RunnerTest, CatchesMisuse) {
  Subject subject(file_.path());
  const auto path = subject.start();
  const auto states = path->reserved(1);
  const std::vector<Token> token = {1};
  const auto forward = [&](Runner::Sequence sequence) { (void)subject.runner().forward({&sequence, 1}); };
  EXPECT_THROW(forward({states, {}, 0}), Misuse);
  EXPECT_THROW(forward({states, token, 2}), Misuse);
  EXPECT_THROW(forward({states, token, -1}), Misuse);
  EXPECT_NO_THROW(forward({states, token, 1}));
}

TEST_P(RunnerTest, RefusesTheStatesOfAnotherModel) {
  Subject subject(file_.path());
  const auto path = subject.start();
  const auto states = path->reserved(1);
  const std::vector<Token> token = {1};
  const auto refuses = [&](std::vector<LiveState*> given) {
    const Runner::Sequence sequence{given, token, 1};
    EXPECT_THROW((void)subject.runner().forward({&sequence, 1}), Misuse);
  };
  refuses({states.begin(), states.end() - 1});
  std::vector<LiveState*> one_more = states;
  one_more.push_back(states.back());
  refuses(one_more);
  if (states.size() > 1) refuses({states.rbegin(), states.rend()});

  const std::pair<const char*, int TinyModel::*> changes[] = {
      {"layers", &TinyModel::layers},       {"kv_heads", &TinyModel::kv_heads},
      {"head_dim", &TinyModel::head_dim},   {"window", &TinyModel::window},
      {"key_heads", &TinyModel::key_heads}, {"state_dim", &TinyModel::state_dim}};
  for (const auto& [name, number] : changes) {
    const bool of_windows = number == &TinyModel::window;
    const bool of_recurrences = number == &TinyModel::key_heads || number == &TinyModel::state_dim;
    if (of_windows && GetParam() != "gemma3" && GetParam() != "gpt-oss") continue;
    if (of_recurrences && !GetParam().starts_with("qwen35") && GetParam() != "qwen3next") continue;
    SCOPED_TRACE(name);
    TinyModel other = tiny_;
    other.*number *= 2;
    const TemporaryFile file("other.gguf");
    write_tiny_model(other, file.path());
    Subject stranger(file.path());
    refuses(stranger.start()->reserved(1));
  }
}

TEST_P(RunnerTest, RefusesStatesThatStandAtDifferentTokens) {
  Subject subject(file_.path());
  const auto path = subject.start();
  const auto ahead = subject.start();
  subject.evaluate(*ahead, {1, 2});
  std::vector<LiveState*> states = path->reserved(1);
  if (states.size() == 1) return;
  states[0] = ahead->reserved(1)[0];
  const std::vector<Token> token = {1};
  const Runner::Sequence sequence{states, token, 1};
  EXPECT_THROW((void)subject.runner().forward({&sequence, 1}), Misuse);
}

/// An empty path.
Subject::States new_states(const Model& model, Budget& budget) {
  Subject::States states;
  for (const auto& group : model.layer_groups(KvType::f16)) {
    states.of_groups.push_back(group->resume({}, 0, budget));
  }
  return states;
}

TEST_P(RunnerTest, ChargesItsScratchAndGivesItBack) {
  const auto model = Model::load(file_.path());
  ASSERT_TRUE(model);
  Budget budget(std::size_t{1} << 28);
  {
    const auto runner = Runner::create(**model, budget, {.threads = 1});
    ASSERT_TRUE(runner);
    EXPECT_EQ(budget.used(), (*runner)->scratch_bytes());
    std::size_t before = (*runner)->scratch_bytes();
    for (const std::size_t rows : {1, 8, 64, 8, 1}) {
      const Subject::States path = new_states(**model, budget);
      const auto states = path.reserved(rows);
      const std::size_t held = budget.used() - (*runner)->scratch_bytes();
      const std::vector<Token> tokens(rows, 3);
      const Runner::Sequence sequence{states, tokens, 1};
      ASSERT_TRUE((*runner)->forward({&sequence, 1}));
      EXPECT_EQ(budget.used(), (*runner)->scratch_bytes() + held);
      EXPECT_GE((*runner)->scratch_bytes(), before) << "never shrinks";
      before = (*runner)->scratch_bytes();
    }
    EXPECT_GT(before, 64 * sizeof(float) * tiny_.feed_forward);
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST_P(RunnerTest, GoesOnAfterAStepThatDidNotFit) {
  const auto model = Model::load(file_.path());
  ASSERT_TRUE(model);
  std::size_t small = 0;  // what a step of four tokens takes
  for (const std::size_t limit : {std::size_t{1} << 28, small}) {
    Budget budget(limit == 0 ? small : limit);
    const auto runner = Runner::create(**model, budget, {.threads = 1});
    ASSERT_TRUE(runner);
    const Subject::States path = new_states(**model, budget);
    const auto states = path.reserved(16);
    const auto step = [&](std::size_t rows) {
      const std::vector<Token> tokens(rows, 3);
      const Runner::Sequence sequence{states, tokens, 1};
      return (*runner)->forward({&sequence, 1});
    };
    ASSERT_TRUE(step(4));
    if (small == 0) {
      small = budget.peak();
      continue;
    }
    const auto large = step(16);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, Errc::out_of_memory);
    const auto again = step(4);
    ASSERT_TRUE(again);
    const Logits first(again->begin(), again->end());
    const auto once_more = step(4);
    ASSERT_TRUE(once_more);
    EXPECT_THAT(Logits(once_more->begin(), once_more->end()), ::testing::ElementsAreArray(first));
    EXPECT_TRUE(step(2));
  }

  Budget nothing(100);
  const auto runner = Runner::create(**model, nothing);
  ASSERT_FALSE(runner);
  EXPECT_EQ(runner.error().code, Errc::out_of_memory);
}

INSTANTIATE_TEST_SUITE_P(Models, RunnerTest,
                         ::testing::Values("qwen3", "gemma3", "gpt-oss", "qwen35", "qwen3next"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace banyan::test
